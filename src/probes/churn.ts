import { z } from 'zod'
import type { Clock } from '../engine/model.ts'
import { MigrateError } from '../errors.ts'
import type { KubeApi, KubeObject } from '../kube/api.ts'
import { type Change, changes } from '../kube/watch.ts'
import type { Churn } from './evidence.ts'

const kinds = [
  { apiVersion: 'v1', kind: 'Pod' },
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'v1', kind: 'Namespace' },
] as const
type Kind = (typeof kinds)[number]['kind']

export interface WatchChurnOptions {
  clock: Clock
  durationMs: number
  /** Ends it early; what was seen until then is kept. */
  signal?: AbortSignal
  onChurn?: (churn: Churn) => void
}

/**
 * Watches the API for a time for what makes kube-router write its rules anew. What is there at first is not told; of changes
 * only those that kube-router looks at (k3s-kube-router.md §4.4), and of EndpointSlices those of addresses and readiness.
 * `problem`: what was not seen, or late.
 */
export async function watchChurn(
  kube: KubeApi,
  options: WatchChurnOptions,
): Promise<{ churn: Churn[]; problem: string | null }> {
  const { clock } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const churn: Churn[] = []
  const problems = new Set<string>()
  const owners = new Owners(kube)
  const watchKind = async (ref: (typeof kinds)[number]) => {
    const watch = { signal, sleep: clock.sleep.bind(clock), onTrouble: (why: string) => void problems.add(why) }
    for await (const change of changes(kube, ref, watch)) {
      const atMs = clock.nowMs()
      if (!isRelevant(ref.kind, change)) continue
      const { namespace, name } = change.object.metadata
      const owner = await owners.of(change.object)
      const one = { atMs, kind: ref.kind, verb: change.verb, namespace: namespace ?? '', name, owner }
      churn.push(one)
      options.onChurn?.(one)
    }
  }
  await owners.learnCronJobs().catch((error: unknown) => problems.add(wordsOf(error)))
  const watching = kinds.map((ref) => watchKind(ref).catch((error: unknown) => problems.add(wordsOf(error))))
  await clock.sleep(options.durationMs, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  stop.abort()
  await Promise.all(watching)
  return {
    churn: churn.toSorted((a, b) => a.atMs - b.atMs),
    problem: problems.size > 0 ? [...problems].join('; ') : null,
  }
}

/** A failure of the API's is told; a mistake of the program's is not hidden. */
function wordsOf(error: unknown): string {
  if (error instanceof MigrateError) return error.message
  throw error
}

/** Whether kube-router would look at it again. */
const isRelevant = (kind: Kind, { verb, object, before }: Change): boolean =>
  verb !== 'modified' || before === null || aspect(kind, object) !== aspect(kind, before)

const podStatus = z.looseObject({
  status: z.looseObject({ phase: z.unknown(), podIPs: z.unknown(), podIP: z.unknown(), hostIP: z.unknown() }).partial(),
})
const slice = z.looseObject({
  endpoints: z
    .array(z.looseObject({ addresses: z.unknown(), conditions: z.unknown() }))
    .nullish()
    .transform((endpoints) => endpoints ?? []),
  ports: z.unknown(),
})

/** What kube-router looks at in an object, as text. */
function aspect(kind: Kind, object: KubeObject): string {
  const { labels } = object.metadata
  if (kind === 'Namespace') return JSON.stringify(labels)
  if (kind === 'NetworkPolicy') return JSON.stringify([labels, object.metadata.annotations, object.spec])
  if (kind === 'Pod') {
    const { phase, podIP, podIPs, hostIP } = podStatus.safeParse(object).data?.status ?? {}
    return JSON.stringify([labels, phase, podIP, podIPs, hostIP])
  }
  const { endpoints, ports } = slice.safeParse(object).data ?? { endpoints: [], ports: null }
  return JSON.stringify([endpoints.map(({ addresses, conditions }) => [addresses, conditions]), ports])
}

const owned = z.object({
  metadata: z.object({ ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).nullish() }),
})
const ownerReference = (object: KubeObject) => owned.safeParse(object).data?.metadata.ownerReferences?.[0]

/** Whose an object is; a Job's pod is its CronJob's. */
class Owners {
  private readonly kube: KubeApi
  private readonly jobs = new Map<string, Promise<string | null>>()
  private readonly cronJobs = new Set<string>()

  constructor(kube: KubeApi) {
    this.kube = kube
  }

  async learnCronJobs(): Promise<void> {
    for (const { metadata } of await this.kube.list({ apiVersion: 'batch/v1', kind: 'CronJob' }))
      this.cronJobs.add(`${metadata.namespace}/${metadata.name}`)
  }

  async of(object: KubeObject): Promise<string | null> {
    const owner = ownerReference(object)
    if (!owner) return null
    const own = `${owner.kind}/${owner.name}`
    if (owner.kind !== 'Job') return own
    const namespace = object.metadata.namespace ?? ''
    const key = `${namespace}/${owner.name}`
    const asked = this.jobs.get(key) ?? this.cronJobOf(namespace, owner.name)
    this.jobs.set(key, asked)
    return (await asked) ?? own
  }

  private async cronJobOf(namespace: string, job: string): Promise<string | null> {
    const found = await this.kube
      .get({ apiVersion: 'batch/v1', kind: 'Job' }, job, namespace)
      .catch((error: unknown) => {
        wordsOf(error)
        return null
      })
    const owner = found && ownerReference(found)
    if (owner) return `${owner.kind}/${owner.name}`
    // Gone before it could be asked for: its CronJob named it, with the minute it was due.
    const name = /^(.+)-\d{8,}$/.exec(job)?.[1]
    return name !== undefined && this.cronJobs.has(`${namespace}/${name}`) ? `CronJob/${name}` : null
  }
}
