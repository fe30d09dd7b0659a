import { parse } from 'yaml'
import { FailedError } from '../errors.ts'

interface Flag {
  kind: 'text' | 'boolean' | 'list'
  /** K3s' own value on servers (docs.k3s.io/cli/server); null: none. */
  default: string | null
  /** Whether agents have it too; those that they do not have would kill them. */
  agent?: true
  short?: string
  env?: string
}

/** The flags that matter to a change of CNI. */
const known: Readonly<Record<string, Flag>> = {
  'flannel-backend': { kind: 'text', default: 'vxlan' },
  'disable-network-policy': { kind: 'boolean', default: 'false' },
  'disable-kube-proxy': { kind: 'boolean', default: 'false' },
  'cluster-cidr': { kind: 'list', default: '10.42.0.0/16' },
  'service-cidr': { kind: 'list', default: '10.43.0.0/16' },
  'cluster-dns': { kind: 'list', default: '10.43.0.10' },
  'https-listen-port': { kind: 'text', default: '6443' },
  'lb-server-port': { kind: 'text', default: '6444', agent: true, env: 'K3S_LB_SERVER_PORT' },
  'disable-helm-controller': { kind: 'boolean', default: 'false' },
  'egress-selector-mode': { kind: 'text', default: 'agent' },
  'datastore-endpoint': { kind: 'text', default: null, env: 'K3S_DATASTORE_ENDPOINT' },
  'data-dir': { kind: 'text', default: '/var/lib/rancher/k3s', agent: true, short: 'd', env: 'K3S_DATA_DIR' },
  'node-ip': { kind: 'list', default: null, agent: true, short: 'i' },
  server: { kind: 'text', default: null, agent: true, short: 's', env: 'K3S_URL' },
  'flannel-iface': { kind: 'text', default: null, agent: true },
  'prefer-bundled-bin': { kind: 'boolean', default: 'false', agent: true },
}

export interface FlagSources {
  role: 'server' | 'agent'
  /** What stands behind `server` or `agent` in ExecStart, and the file that says so. */
  args: { words: readonly string[]; from: string }
  /** config.yaml first, then the drop-ins in their order. */
  files: readonly { path: string; text: string }[]
  /** Variables in the order systemd sets them: later ones win. */
  env: readonly { name: string; value: string; from: string }[]
}

interface Given {
  value: string
  from: string
}

const truth = (value: string) => (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value) ? 'true' : 'false')

function nameOf(word: string): { key: string; value: string | null } | null {
  const match = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(word)
  if (!match?.[1]) return null
  const key = Object.keys(known).find((one) => one === match[1] || known[one]?.short === match[1])
  return key === undefined ? null : { key, value: match[2] ?? null }
}

function fromArgs({ words, from }: FlagSources['args']): Map<string, Given[]> {
  const given = new Map<string, Given[]>()
  for (let at = 0; at < words.length; at++) {
    const flag = nameOf(words[at] ?? '')
    if (!flag) continue
    const bare = known[flag.key]?.kind === 'boolean' ? 'true' : (words[++at] ?? '')
    if (flag.value !== null && known[flag.key]?.kind !== 'boolean') at--
    given.set(flag.key, [...(given.get(flag.key) ?? []), { value: flag.value ?? bare, from }])
  }
  return given
}

/** Per key the last file wins; a key with `+` adds to what came before (docs.k3s.io/installation/configuration). */
function fromFiles(files: FlagSources['files']): Map<string, Given[]> {
  const given = new Map<string, Given[]>()
  for (const { path, text } of files) {
    let content: unknown
    try {
      content = parse(text, { uniqueKeys: false })
    } catch (error) {
      throw new FailedError(`${path} is not YAML: ${error instanceof Error ? error.message.split('\n')[0] : error}`, {
        next: 'correct it: K3s would not start with it either',
      })
    }
    if (content === null || content === undefined) continue
    if (typeof content !== 'object' || Array.isArray(content))
      throw new FailedError(`${path}: expected keys with values, got ${Array.isArray(content) ? 'a list' : 'a text'}`)
    for (const [written, value] of Object.entries(content)) {
      const key = nameOf(`--${written.replace(/\+$/, '')}`)?.key
      if (key === undefined || value === null) continue
      const values = (Array.isArray(value) ? value : [value]).map((one) => ({ value: String(one), from: path }))
      given.set(key, written.endsWith('+') ? [...(given.get(key) ?? []), ...values] : values)
    }
  }
  return given
}

/** What of all that was given counts: for a list everything, otherwise the last. */
function effective(key: string, given: readonly Given[]): Given | null {
  const last = given.at(-1)
  if (!last) return null
  if (known[key]?.kind === 'boolean') return { ...last, value: truth(last.value) }
  return known[key]?.kind === 'list' ? { ...last, value: given.map((one) => one.value).join(',') } : last
}

/**
 * The flags that matter, each with the file it comes from: arguments > drop-ins > config.yaml > environment > default
 * (k3s-kube-router.md §2.1). K3s puts the files' values in front of the arguments; lists are joined by commas.
 * Server-only flags are there for an agent only when something sets them.
 */
export function effectiveFlags(sources: FlagSources): Record<string, Given> {
  const [files, args] = [fromFiles(sources.files), fromArgs(sources.args)]
  const flags: Record<string, Given> = {}
  for (const [key, flag] of Object.entries(known)) {
    const variable = sources.env.findLast((one) => one.name === flag.env && one.value !== '')
    const found =
      effective(key, [...(files.get(key) ?? []), ...(args.get(key) ?? [])]) ??
      (variable ? { value: variable.value, from: variable.from } : null)
    const preset = sources.role === 'server' || flag.agent ? flag.default : null
    if (found) flags[key] = found
    else if (preset !== null) flags[key] = { value: preset, from: 'default' }
  }
  return flags
}
