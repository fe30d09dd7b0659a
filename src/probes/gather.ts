import type { Interrupts } from '../engine/interrupts.ts'
import type { Clock } from '../engine/model.ts'
import { FailedError, MigrateError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Nodes } from '../nodes/node.ts'
import { askPorts, silentPorts, sourcesSeen } from './answering-ports.ts'
import { sourcesOf } from './choose-pairs.ts'
import { notConsidered } from './considered.ts'
import type { Evidence, Series } from './evidence.ts'
import { chooseMatrix } from './matrix.ts'
import type { MatrixPair } from './matrix-candidates.ts'
import { locate, type Target } from './pairs.ts'
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
  /** `stop` ends it early, and what was seen until then is kept; `abort` ends it at once. */
  interrupts: Interrupts
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
 * Watches a cluster for a time: connections of chosen pairs, kube-router's rejects, what makes it write its rules anew, what
 * the nodes say of their packet path, and what is in the network namespaces of pods that fail. Writes nothing but the transient
 * units of its probing, which it removes; those of one that was killed are removed by the next.
 * @throws FailedError when the API cannot be asked who is there, or it was ended at once
 */
export async function gather(options: GatherOptions): Promise<Evidence> {
  const over = new AbortController()
  try {
    return await Promise.race([watch(options), endedAtOnce(options.interrupts.abort, over.signal)])
  } finally {
    over.abort()
  }
}

/** Waits for nobody: attempts that were begun take seconds to end. Forgotten when `over` is. */
function endedAtOnce(abort: AbortSignal, over: AbortSignal): Promise<never> {
  const next =
    'One Ctrl-C keeps what was seen. What is left on the nodes ends by itself, and the next watching removes it.'
  return new Promise((_, reject) => {
    const end = () => reject(new FailedError('ended at once: nothing of what was seen is kept', { next }))
    if (abort.aborted) end()
    else abort.addEventListener('abort', end, { once: true, signal: over })
  })
}

async function watch(options: GatherOptions): Promise<Evidence> {
  const { nodes, clock } = options
  const signal = options.interrupts.stop
  const counts: Omit<GatherProgress, 'leftMs' | 'pairs'> = {
    ...{ attempts: 0, failures: 0, rejects: 0, reconciles: 0, churn: 0 },
  }
  options.onProgress({ leftMs: null, pairs: 0, ...counts })
  const prepared = await prepare(options)
  const { facts, clusterId, matrix, answering, seenAs } = prepared

  const lifetimeMs = options.durationMs + graceMs
  const owner = await thisOwner(clock.nowMs(), clock.nowMs() + lifetimeMs)
  await Promise.all(nodes.names.map((name) => removeAbandoned(nodes.get(name), owner, clock.nowMs())))
  const name = watchName(clock.nowMs(), process.pid)
  const connections = watchConnections(nodes, name, owner, { intervalMs: options.intervalMs, attemptMs, lifetimeMs })
  const collected = seenAttempts(matrix, facts)
  const point = (now: Facts) => {
    const located = locate(matrix, now)
    collected.located(located)
    return connections.point(paced(located, matrix, options.intervalMs))
  }

  const ending = new AbortController()
  const stopped = AbortSignal.any([signal, ending.signal])
  const fromMs = clock.nowMs()
  const untilMs = fromMs + options.durationMs
  let known = facts
  try {
    await point(facts)
    const ends = new Set(matrix.flatMap(({ from, to }) => [from, to]))
    let moved = false
    const beside = watchBeside(options, stopped, facts, {
      look: async () => {
        known = await options.look(known)
        return known.kube.pods
      },
      onChurn: ({ kind, namespace, name }) => {
        if (kind === 'Pod' && ends.has(`${namespace}/${name}`)) moved = true
      },
    })
    let inPods: ReturnType<typeof watchPods> | undefined
    const lookIntoPods = () => {
      inPods ??= watchPods(options, untilMs - clock.nowMs(), stopped, collected.series(seenAs), known)
      return inPods
    }
    // Whatever ends the loop below, nobody is left waiting for these.
    beside.done.catch(() => {})
    let lookedMs = fromMs
    while (!signal.aborted && clock.nowMs() < untilMs) {
      await pause(clock, Math.min(tellEveryMs, untilMs - clock.nowMs()), signal)
      if (collected.add(await connections.read())) moved = true
      Object.assign(counts, collected.counts, beside.counts())
      options.onProgress({ leftMs: Math.max(0, untilMs - clock.nowMs()), pairs: matrix.length, ...counts })
      if (clock.nowMs() - fromMs >= options.durationMs * beforePods) lookIntoPods().catch(() => {})
      if (!moved || clock.nowMs() - lookedMs < lookEveryMs) continue
      moved = false
      lookedMs = clock.nowMs()
      known = (await lookIfPossible(options, known)) ?? known
      await point(known).catch(unlessMistake)
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
        ...(options.again?.length ? [] : notConsidered(sourcesOf(facts), facts)),
        ...notMeasured,
        ...ofPods.notMeasured,
      ],
    }
  } finally {
    ending.abort()
    await connections.end()
  }
}

/** Who is there, what answers, and which pairs stand for all. */
async function prepare({ nodes, kube, look, externalTargets, again }: GatherOptions) {
  const facts = await look(null)
  if (!facts.kube.reachable) throw new FailedError(`the Kubernetes API does not answer: ${facts.kube.error}`)
  const clusterId = await readClusterId(kube)
  const answering = await askPorts(nodes, facts)
  const matrix = chooseMatrix(facts, answering, externalTargets, again)
  const open = matrix.filter(({ allowed }) => allowed !== false)
  return { facts, clusterId, answering, matrix, seenAs: sourcesSeen(await measure(nodes, open, facts)) }
}

/** Denied pairs less often than others. */
function paced(
  located: ReadonlyMap<string, readonly Target[]>,
  matrix: readonly MatrixPair[],
  intervalMs: number,
): Map<string, Target[]> {
  const denied = new Set(matrix.filter(({ allowed }) => allowed === false).map(({ id }) => id))
  const seldom = Math.max(1, Math.round(deniedEveryMs / intervalMs))
  const withPace = (one: Target) => ({ ...one, every: denied.has(one.id) ? seldom : 1 })
  return new Map([...located].map(([name, list]) => [name, list.map(withPace)]))
}

/** null: not now. What is watched goes on with what is known. */
async function lookIfPossible({ look }: GatherOptions, known: Facts): Promise<Facts | null> {
  const facts = await look(known).catch(unlessMistake)
  return facts?.kube.reachable ? facts : null
}

/** A node or an API that cannot be reached is waited for; a mistake of the program's is not hidden. */
function unlessMistake(error: unknown): null {
  if (error instanceof MigrateError) return null
  throw error
}

async function readClusterId(kube: KubeApi): Promise<string> {
  const uid = (await kube.get({ apiVersion: 'v1', kind: 'Namespace' }, 'kube-system'))?.metadata.uid
  if (uid === undefined || uid === '') throw new FailedError('the namespace kube-system has no uid')
  return uid
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(Math.max(0, ms), signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
