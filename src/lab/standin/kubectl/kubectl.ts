import { readFileSync } from 'node:fs'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { Client } from '../client.ts'
import { ApiError, type ApiObject } from '../context.ts'
import { version } from '../settings.ts'
import { type Kind, kinds, pathFor } from './kinds.ts'
import { table } from './table.ts'

/** As much of kubectl as is typed on a node: get, apply, create, delete, patch, logs, cordon, rollout restart, version. */

const valued = new Set([
  'n',
  'namespace',
  'o',
  'output',
  'l',
  'selector',
  'f',
  'filename',
  'p',
  'patch',
  'type',
  'raw',
  'kubeconfig',
  'c',
  'container',
  'tail',
  'timeout',
  'grace-period',
  'field-selector',
  'subresource',
  'request-timeout',
  'cascade',
])
const long: Record<string, string> = {
  n: 'namespace',
  o: 'output',
  l: 'selector',
  f: 'filename',
  p: 'patch',
  A: 'all-namespaces',
  c: 'container',
}

interface Call {
  words: string[]
  options: Map<string, string>
  client: Client
}

export async function kubectl(argv: readonly string[]): Promise<number> {
  const { words, options } = split(argv)
  const command = words.shift() ?? 'help'
  const run = commands[command]
  if (!run) {
    process.stderr.write(`error: unknown command "${command}" for "kubectl"\n`)
    return 1
  }
  try {
    const client = connect(options.get('kubeconfig') ?? process.env.KUBECONFIG ?? '/etc/rancher/k3s/k3s.yaml')
    await run({ words, options, client })
    return 0
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    return 1
  }
}

/** The loaded words and options; `-oyaml`, `-o=yaml` and `-o yaml` are the same. */
export function split(argv: readonly string[]): { words: string[]; options: Map<string, string> } {
  const words: string[] = []
  const options = new Map<string, string>()
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const match = /^(?:--([^=]+)|-([A-Za-z]))(?:=?(.*))$/s.exec(word)
    if (!match || word === '-') {
      words.push(word)
      continue
    }
    const short = match[2] ?? ''
    const name = match[1] ?? long[short] ?? short
    const attached = match[3] === '' && !word.endsWith('=') ? undefined : match[3]
    options.set(name, attached ?? (valued.has(name) ? (argv[++at] ?? '') : 'true'))
  }
  return { words, options }
}

function connect(path: string): Client {
  const config = parse(readFileSync(path, 'utf8'))
  const { cluster } = config.clusters[0]
  const { user } = config.users[0]
  const url = new URL(cluster.server)
  const text = (base64: string) => Buffer.from(base64, 'base64').toString('utf8')
  return new Client({
    host: url.hostname,
    port: Number(url.port),
    ca: text(cluster['certificate-authority-data']),
    cert: text(user['client-certificate-data']),
    key: text(user['client-key-data']),
  })
}

function explain(error: unknown): string {
  if (error instanceof ApiError) {
    const reasons: Record<number, string> = {
      404: 'NotFound',
      409: 'Conflict',
      503: 'ServiceUnavailable',
      403: 'Forbidden',
    }
    const reason = error.message.endsWith('already exists') ? 'AlreadyExists' : reasons[error.code]
    return `Error from server${reason === undefined ? '' : ` (${reason})`}: ${error.message}`
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET')
    return 'The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?'
  if (code === 'ENOENT') return `error: ${String(error)}`
  return error instanceof Error && error.name === 'TimeoutError'
    ? 'Unable to connect to the server: net/http: TLS handshake timeout'
    : `error: ${String(error)}`
}

const print = (text: string) => process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)

async function find(client: Client, name: string): Promise<Kind> {
  const lower = name.toLowerCase()
  const found = (await kinds(client)).find(
    (kind) =>
      [kind.name, kind.singularName, `${kind.name}.${kind.group}`, ...kind.shortNames].includes(lower) ||
      kind.kind.toLowerCase() === lower,
  )
  if (!found) throw new Error(`the server doesn't have a resource type "${name}"`)
  return found
}

/** `pods a b`, `pod/a`, `nodes`: the kind and the names meant. */
async function targets({ words, client }: Call): Promise<{ kind: Kind; names: string[] }> {
  const [first = '', ...rest] = words
  if (!first.includes('/')) return { kind: await find(client, first), names: rest }
  return { kind: await find(client, first.split('/')[0] ?? ''), names: words.map((word) => word.split('/')[1] ?? '') }
}

const namespaceOf = (options: Map<string, string>, kind: Kind) =>
  kind.namespaced && !options.has('all-namespaces') ? (options.get('namespace') ?? 'default') : undefined

async function get(call: Call): Promise<void> {
  const { options, client } = call
  const raw = options.get('raw')
  if (raw !== undefined) return void print(await client.raw(raw))
  const kindNames = (call.words[0] ?? '').split(',')
  for (const name of kindNames) await getKind({ ...call, words: [name, ...call.words.slice(1)] })
}

async function getKind(call: Call): Promise<void> {
  const { options, client } = call
  const { kind, names } = await targets(call)
  const namespace = namespaceOf(options, kind)
  const selectors = [
    ...(options.has('selector') ? [`labelSelector=${encodeURIComponent(options.get('selector') ?? '')}`] : []),
    ...(options.has('field-selector')
      ? [`fieldSelector=${encodeURIComponent(options.get('field-selector') ?? '')}`]
      : []),
  ]
  const query = selectors.length > 0 ? `?${selectors.join('&')}` : ''
  const objects =
    names.length > 0
      ? await Promise.all(names.map((name) => client.get(pathFor(kind, namespace, name))))
      : await client.list(`${pathFor(kind, namespace)}${query}`)
  const format = options.get('output')
  const single = names.length === 1 ? objects[0] : undefined
  const whole = single ?? { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: objects }
  if (format === 'json') print(JSON.stringify(whole, null, 4))
  else if (format === 'yaml') print(stringify(whole))
  else if (format === 'name') for (const object of objects) print(nameOf(kind, object))
  else if (objects.length === 0)
    process.stderr.write(
      namespace === undefined ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`,
    )
  else
    print(
      table(kind, objects, {
        namespaces: options.has('all-namespaces') && kind.namespaced,
        wide: format === 'wide',
        headers: !options.has('no-headers'),
      }),
    )
}

const nameOf = (kind: Kind, object: ApiObject) =>
  `${kind.singularName || kind.name}${kind.group === '' ? '' : `.${kind.group}`}/${object.metadata.name}`

async function documents(options: Map<string, string>): Promise<ApiObject[]> {
  const file = options.get('filename') ?? '-'
  const text = readFileSync(file === '-' ? 0 : file, 'utf8')
  const read = parseAllDocuments(text).map((document) => document.toJS() as ApiObject | null)
  return read
    .filter((one) => one !== null)
    .flatMap((one) => (one.kind === 'List' ? ((one.items ?? []) as ApiObject[]) : [one]))
}

async function eachDocument(
  { options, client }: Call,
  act: (kind: Kind, path: string, object: ApiObject) => Promise<string>,
): Promise<void> {
  let known = await kinds(client)
  for (const object of await documents(options)) {
    const match = (kind: Kind) => kind.kind === object.kind && kind.groupVersion === object.apiVersion
    // A definition further up may just have added the kind.
    if (!known.some(match)) known = await kinds(client)
    const kind = known.find(match)
    if (!kind) throw new Error(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`)
    const path = pathFor(
      kind,
      kind.namespaced ? (object.metadata.namespace ?? options.get('namespace') ?? 'default') : undefined,
    )
    print(`${nameOf(kind, object)} ${await act(kind, path, object)}`)
  }
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

const apply = (call: Call): Promise<void> =>
  eachDocument(call, async (_kind, path, object) => {
    const annotations = { ...object.metadata.annotations, [lastApplied]: `${JSON.stringify(object)}\n` }
    const annotated = { ...object, metadata: { ...object.metadata, annotations } }
    try {
      await call.client.create(path, annotated)
      return 'created'
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error
      const before = (await call.client.get(`${path}/${object.metadata.name}`)).metadata.resourceVersion
      const after = (await call.client.apply(`${path}/${object.metadata.name}`, annotated)).metadata.resourceVersion
      return before === after ? 'unchanged' : 'configured'
    }
  })

const create = (call: Call): Promise<void> =>
  eachDocument(call, async (_kind, path, object) => {
    await call.client.create(path, object)
    return 'created'
  })

async function remove(call: Call): Promise<void> {
  const { options, client } = call
  const grace = options.has('grace-period') ? `?gracePeriodSeconds=${options.get('grace-period')}` : ''
  const forgive = (error: unknown) => {
    if (!(error instanceof ApiError) || error.code !== 404 || !options.has('ignore-not-found')) throw error
  }
  if (options.has('filename'))
    return eachDocument(call, async (_kind, path, object) => {
      await client.delete(`${path}/${object.metadata.name}${grace}`).catch(forgive)
      return 'deleted'
    })
  const { kind, names } = await targets(call)
  const namespace = namespaceOf(options, kind)
  const selected = options.has('selector') || options.has('all')
  const query = options.has('selector') ? `?labelSelector=${encodeURIComponent(options.get('selector') ?? '')}` : ''
  const chosen = selected
    ? (await client.list(`${pathFor(kind, namespace)}${query}`)).map((one) => one.metadata.name)
    : names
  for (const name of chosen) {
    await client.delete(`${pathFor(kind, namespace, name)}${grace}`).catch(forgive)
    print(`${kind.singularName || kind.name}${kind.group === '' ? '' : `.${kind.group}`} "${name}" deleted`)
  }
}

async function patch(call: Call): Promise<void> {
  const { options, client } = call
  const { kind, names } = await targets(call)
  const types: Record<string, string> = { json: 'json-patch', merge: 'merge-patch', strategic: 'strategic-merge-patch' }
  const type = `application/${types[options.get('type') ?? 'strategic']}+json`
  for (const name of names) {
    const suffix = options.has('subresource') ? `/${options.get('subresource')}` : ''
    await client.patchAs(
      `${pathFor(kind, namespaceOf(options, kind), name)}${suffix}`,
      parse(options.get('patch') ?? '{}'),
      type,
    )
    print(`${kind.singularName || kind.name}${kind.group === '' ? '' : `.${kind.group}`}/${name} patched`)
  }
}

async function logs({ words, options, client }: Call): Promise<void> {
  const namespace = options.get('namespace') ?? 'default'
  const query = new URLSearchParams()
  const container = options.get('container') ?? words[1]
  if (container !== undefined) query.set('container', container)
  if (options.has('tail')) query.set('tailLines', options.get('tail') ?? '')
  process.stdout.write(
    await client.raw(`/api/v1/namespaces/${namespace}/pods/${(words[0] ?? '').replace(/^pods?\//, '')}/log?${query}`),
  )
}

const setUnschedulable =
  (unschedulable: boolean) =>
  async ({ words, client }: Call) => {
    for (const name of words) {
      await client.patch(`/api/v1/nodes/${name}`, { spec: { unschedulable: unschedulable ? true : null } })
      print(`node/${name} ${unschedulable ? 'cordoned' : 'uncordoned'}`)
    }
  }

async function rollout({ words, options, client }: Call): Promise<void> {
  if (words[0] !== 'restart') throw new Error(`unknown command "rollout ${words[0] ?? ''}"`)
  const { kind, names } = await targets({ words: words.slice(1), options, client })
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
  for (const name of names) {
    await client.patch(pathFor(kind, namespaceOf(options, kind), name), {
      spec: { template: { metadata: { annotations } } },
    })
    print(`${kind.singularName}.${kind.group}/${name} restarted`)
  }
}

async function showVersion({ client }: Call): Promise<void> {
  print(`Client Version: ${version}`)
  print(`Server Version: ${JSON.parse(await client.raw('/version')).gitVersion}`)
}

const commands: Record<string, (call: Call) => Promise<void>> = {
  get,
  apply,
  create,
  delete: remove,
  patch,
  logs,
  cordon: setUnschedulable(true),
  uncordon: setUnschedulable(false),
  rollout,
  version: showVersion,
}
