import { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { KindRef, KubeApi, KubeObject } from './api.ts'
import { KubeError, KubeUnreachableError } from './errors.ts'

/** The API ends a watch after that, and it is asked for anew: a connection that died in silence is not waited on for longer. */
const watchSeconds = 60
const idleMs = (watchSeconds + 15) * 1000
const retryMs = 1_000

export interface Change {
  verb: 'added' | 'modified' | 'deleted'
  object: KubeObject
  /** What was known of a modified one. */
  before: KubeObject | null
}

const texts = z.record(z.string(), z.string())
const object = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    namespace: z.string().exactOptional(),
    uid: z.string().exactOptional(),
    labels: texts.exactOptional(),
    annotations: texts.exactOptional(),
  }),
})
const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z
    .array(object)
    .nullish()
    .transform((items) => items ?? []),
})
const eventSchema = z.union([
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object }),
  z.object({
    type: z.literal('BOOKMARK'),
    object: z.object({ metadata: z.object({ resourceVersion: z.string() }) }),
  }),
  z.object({ type: z.literal('ERROR'), object: z.object({ code: z.number(), message: z.string().nullish() }) }),
])
const resources = z.object({ resources: z.array(z.object({ name: z.string(), kind: z.string() })) })

export interface WatchOptions {
  signal: AbortSignal
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Told of what kept it from asking anew at once; what changed meanwhile is not lost, but comes late. */
  onTrouble?: (why: string) => void
}

/**
 * What changes in objects of a kind, in all namespaces, from the first answer until the signal. A watch that ends or breaks goes
 * on where it was; one that the API cannot go on with (410) is made up for by a new list, compared with what was known.
 * @throws KubeError when the API refuses: the kind is not served, or reading it is not allowed
 */
export async function* changes(api: KubeApi, kind: KindRef, options: WatchOptions): AsyncGenerator<Change> {
  const { signal } = options
  const known = new Map<string, KubeObject>()
  let path: string | undefined
  let version: string | null = null
  let first = true
  while (!signal.aborted) {
    try {
      path ??= await pathOf(api, kind)
      if (version === null) {
        const { status, body } = await api.raw(path)
        if (status !== 200) throw new KubeError(status, `list ${kind.kind}: HTTP ${status}`)
        const list = listSchema.parse(JSON.parse(body))
        const items = list.items.map((item): KubeObject => ({ ...item, ...kind }))
        // The first list is what is there, not what has changed.
        if (first) remember(known, items)
        else yield* compare(known, items)
        first = false
        version = list.metadata.resourceVersion
      }
      const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${version}`
      let silent = true
      for await (const line of api.follow(`${path}?${query}`, { idleMs, signal })) {
        silent = false
        const event = eventSchema.parse(line)
        if (event.type === 'ERROR') throw new KubeError(event.object.code, event.object.message ?? 'the watch ended')
        version = event.object.metadata.resourceVersion
        if (event.type !== 'BOOKMARK') yield apply(known, event.type, { ...event.object, ...kind })
      }
      // One that ends without a word is not asked for again at once.
      if (silent) await options.sleep(retryMs, signal)
    } catch (error) {
      if (signal.aborted) return
      version = afterError(error, kind, version, options)
      await options.sleep(retryMs, signal).catch(() => {})
    }
  }
}

/** From where to go on; null: from a new list. What will not go away by asking again is thrown. */
function afterError(error: unknown, kind: KindRef, version: string | null, options: WatchOptions): string | null {
  const trouble = (why: string) =>
    options.onTrouble?.(`watching ${kind.kind}: ${why}; what changed meanwhile was seen when the API answered again`)
  if (error instanceof KubeUnreachableError) {
    trouble(error.message)
    return version
  }
  if (error instanceof KubeError && (error.status === 410 || error.status >= 500)) {
    if (error.status !== 410) trouble(error.message)
    return null
  }
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    trouble('the API said something that is not known here')
    return null
  }
  throw error
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`

function remember(known: Map<string, KubeObject>, items: readonly KubeObject[]): void {
  for (const item of items) known.set(keyOf(item), item)
}

function apply(known: Map<string, KubeObject>, type: 'ADDED' | 'MODIFIED' | 'DELETED', item: KubeObject): Change {
  if (type === 'DELETED') {
    known.delete(keyOf(item))
    return { verb: 'deleted', object: item, before: null }
  }
  const before = known.get(keyOf(item)) ?? null
  remember(known, [item])
  return { verb: before ? 'modified' : 'added', object: item, before }
}

/** What has happened between what was known and a new list. An object that was made anew under its name is two changes. */
function* compare(known: Map<string, KubeObject>, items: readonly KubeObject[]): Generator<Change> {
  const now = new Map(items.map((item) => [keyOf(item), item]))
  for (const [key, old] of [...known]) {
    const current = now.get(key)
    if (current?.metadata.uid === old.metadata.uid) continue
    known.delete(key)
    yield { verb: 'deleted', object: old, before: null }
  }
  for (const item of items) {
    const old = known.get(keyOf(item))
    if (old && old.metadata.resourceVersion === item.metadata.resourceVersion) continue
    yield apply(known, 'MODIFIED', item)
  }
}

/** Where the API serves a kind, in its own words: plurals are not guessed. */
async function pathOf(api: KubeApi, { apiVersion, kind }: KindRef): Promise<string> {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const { status, body } = await api.raw(group)
  if (status !== 200) throw new KubeError(status, `discovery of ${apiVersion}: HTTP ${status}`)
  const served = resources.parse(JSON.parse(body)).resources
  const found = served.find((one) => one.kind === kind && !one.name.includes('/'))
  if (!found) throw new FailedError(`the API does not serve ${kind} of ${apiVersion}`)
  return `${group}/${found.name}`
}
