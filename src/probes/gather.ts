import type { Clock } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Nodes } from '../nodes/node.ts'
import { askPorts, silentPorts, sourcesSeen } from './answering-ports.ts'
import type { Evidence, Series } from './evidence.ts'
import { chooseMatrix } from './matrix.ts'
import type { MatrixPair } from './matrix-candidates.ts'
import { locate } from './pairs.ts'
import { removeAbandoned, thisOwner, watchName } from './probe-owner.ts'
import { measure } from './reachability.ts'
import { seenAttempts } from './seen-attempts.ts'
import { watchBeside } from './watch-beside.ts'
import { watchConnections } from './watch-connections.ts'
import { watchPods } from './watch-pods.ts'

export interface GatherOptions {
  cluster: string
  nodes: Nodes
  kube: KubeApi
  clock: Clock
  /** All facts of now: everything (`null`), or only who is where, with the rest as it was. */
  look(previous: Facts | null): Promise<Facts>
  externalTargets: readonly string[]
  /** Pairs of an earlier time, to be watched again; absent: they are chosen. */
  again?: readonly Series[]
  durationMs: number
  /** Between two attempts of a pair that policies allow. */
  intervalMs: number
  /** Ends it early; what was seen until then is kept. */
  signal: AbortSignal
  onProgress(progress: GatherProgress): void
}

export interface GatherProgress {
  /** null: still being prepared. */
  leftMs: number | null
  pairs: number
  attempts: number
  /** Of pairs that policies do not deny. */
  failures: number
  rejects: number
  reconciles: number
  /** Changes of pods, EndpointSlices, policies and namespaces. */
  churn: number
}

/** After so long an attempt is given up: a connection that takes five seconds (seed 003) is seen as that. */
const attemptMs = 7_000
/** Denied pairs are tried only so often: each attempt is a packet that is refused, and is counted as one. */
const deniedEveryMs = 5_000
/** After this share of the time it has been seen which pods are worth a closer look. */
const beforePods = 0.25
const tellEveryMs = 2_000
/** Looking where the pods are now costs the nodes more than probing does. */
const lookEveryMs = 30_000
/** The units on the nodes outlive the time asked for by this, and end then whatever has become of us. */
const graceMs = 60_000

/**
 * Watches a cluster for a time: connections of chosen pairs, kube-router's rejects, what makes it write its rules
 * anew, and what the nodes say of their packet path. Writes nothing but the transient units of its probing, which it removes; those of one that was killed are removed by the next.
 * @throws FailedError when the API cannot be asked who is there
 */
export async function gather(options: GatherOptions): Promise<Evidence> {
  const { nodes, clock, signal } = options
  const progress: GatherProgress = {
    leftMs: null,
    pairs: 0,
    attempts: 0,
    failures: 0,
    rejects: 0,
    reconciles: 0,
    churn: 0,
  }
  const tell = () => options.onProgress({ ...progress })
  tell()
  const facts = await options.look(null)
  if (!facts.kube.reachable) throw new FailedError(`the Kubernetes API does not answer: ${facts.kube.error}`)
  const clusterId = await readClusterId(options.kube)

  const watch = watchName(clock.nowMs(), process.pid)
  const owner = await thisOwner(clock.nowMs(), clock.nowMs() + options.durationMs + graceMs)
  await Promise.all(nodes.names.map((name) => removeAbandoned(nodes.get(name), owner, clock.nowMs())))

  const answering = await askPorts(nodes, facts)
  const matrix = chooseMatrix(facts, answering, options.externalTargets, options.again)
  const seenAs = sourcesSeen(await measure(nodes, allowedOf(matrix), facts))
  const every = new Map(matrix.map((one) => [one.id, everyOf(one, options.intervalMs)]))
  const collected = seenAttempts(matrix, facts)
  progress.pairs = matrix.length

  const connections = watchConnections(nodes, watch, owner, {
    intervalMs: options.intervalMs,
    attemptMs,
    lifetimeMs: options.durationMs + graceMs,
  })
  const point = (now: Facts) => {
    const located = locate(matrix, now)
    collected.located(located)
    return connections.point(
      new Map(
        [...located].map(([name, list]) => [name, list.map((one) => ({ ...one, every: every.get(one.id) ?? 1 }))]),
      ),
    )
  }
  const ending = new AbortController()
  const stopped = AbortSignal.any([signal, ending.signal])
  const fromMs = clock.nowMs()
  const untilMs = fromMs + options.durationMs
  let known = facts
  try {
    await point(facts)
    const beside = watchBeside(options, stopped, facts, async () => {
      known = await options.look(known)
      return known.kube.pods
    })
    // Whatever ends the loop below, nobody is left waiting for these.
    beside.done.catch(() => {})
    let lookedMs = fromMs
    let inPods: ReturnType<typeof watchPods> | undefined
    const lookIntoPods = () => {
      inPods ??= watchPods(options, untilMs - clock.nowMs(), stopped, collected.series(seenAs), known)
      inPods.catch(() => {})
      return inPods
    }
    while (!signal.aborted && clock.nowMs() < untilMs) {
      await pause(clock, Math.min(tellEveryMs, untilMs - clock.nowMs()), signal)
      const away = collected.add(await connections.read())
      Object.assign(progress, collected.counts, beside.counts(), { leftMs: Math.max(0, untilMs - clock.nowMs()) })
      tell()
      if (clock.nowMs() - fromMs >= options.durationMs * beforePods) void lookIntoPods()
      if (away && clock.nowMs() - lookedMs > lookEveryMs) {
        lookedMs = clock.nowMs()
        known = await options.look(known)
        if (known.kube.reachable) await point(known)
      }
    }
    const endedMs = clock.nowMs()
    const { seen, problems } = await connections.end()
    collected.add(seen)
    const [{ notMeasured, ...rest }, ofPods] = await Promise.all([beside.done, lookIntoPods()])
    return {
      ...{ format: 1, cluster: options.cluster, clusterId, fromMs, untilMs: endedMs, facts },
      series: collected.series(seenAs),
      ...rest,
      podNetworks: ofPods.podNetworks,
      notMeasured: [
        ...problems.map((problem) => `connections: ${problem}`),
        ...collected.problems(),
        ...silentPorts(answering),
        ...notMeasured,
        ...ofPods.notMeasured,
      ],
    }
  } finally {
    ending.abort()
    await connections.end()
  }
}

async function readClusterId(kube: KubeApi): Promise<string> {
  const uid = (await kube.get({ apiVersion: 'v1', kind: 'Namespace' }, 'kube-system'))?.metadata.uid
  if (uid === undefined || uid === '') throw new FailedError('the namespace kube-system has no uid')
  return uid
}

const allowedOf = (matrix: readonly MatrixPair[]) => matrix.filter(({ allowed }) => allowed !== false)

const everyOf = ({ allowed }: MatrixPair, intervalMs: number) =>
  allowed === false ? Math.max(1, Math.round(deniedEveryMs / intervalMs)) : 1

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(Math.max(0, ms), signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
