import ipaddr from 'ipaddr.js'
import type { Clock } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Nodes } from '../nodes/node.ts'
import type { Evidence, RejectSamples, Series } from './evidence.ts'
import { type Answering, chooseMatrix, type MatrixPair, portsToAsk } from './matrix.ts'
import { locate, pair, type Target } from './pairs.ts'
import { removeAbandoned, thisOwner, watchName } from './probe-owner.ts'
import { type Measured, measure } from './reachability.ts'
import { type RejectProgress, sampleRejects } from './reject-sampler.ts'
import { type SeenOnNode, watchConnections } from './watch-connections.ts'

export interface GatherOptions {
  cluster: string
  nodes: Nodes
  kube: KubeApi
  clock: Clock
  /** All facts of now: everything (`null`), or only who is where, with the rest as it was. */
  look(previous: Facts | null): Promise<Facts>
  externalTargets: readonly string[]
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
}

/** After so long an attempt is given up: a connection that takes five seconds (seed 003) is seen as that. */
const attemptMs = 7_000
/** Denied pairs are tried only so often: each attempt is a packet that is refused, and is counted as one. */
const deniedEveryMs = 5_000
const tellEveryMs = 2_000
/** Looking where the pods are now costs the nodes more than probing does. */
const lookEveryMs = 30_000
/** The units on the nodes outlive the time asked for by this, and end then whatever has become of us. */
const graceMs = 60_000

/**
 * Watches a cluster for a time: connections of chosen pairs, kube-router's rejects. Writes nothing but the
 * transient units of its probing, which it removes; those of one that was killed are removed by the next.
 * @throws FailedError when the API cannot be asked who is there
 */
export async function gather(options: GatherOptions): Promise<Evidence> {
  const { nodes, clock, signal } = options
  const progress: GatherProgress = { leftMs: null, pairs: 0, attempts: 0, failures: 0, rejects: 0, reconciles: 0 }
  const tell = () => options.onProgress({ ...progress })
  tell()
  const facts = await options.look(null)
  if (!facts.kube.reachable) throw new FailedError(`the Kubernetes API does not answer: ${facts.kube.error}`)
  const clusterId = await readClusterId(options.kube)

  const watch = watchName(clock.nowMs(), process.pid)
  const owner = await thisOwner(clock.nowMs(), clock.nowMs() + options.durationMs + graceMs)
  await Promise.all(nodes.names.map((name) => removeAbandoned(nodes.get(name), owner, clock.nowMs())))

  const answering = await askPorts(nodes, facts)
  const matrix = chooseMatrix(facts, answering, options.externalTargets)
  const seenAs = sourcesSeen(await measure(nodes, allowedOf(matrix), facts))
  const every = new Map(matrix.map((one) => [one.id, everyOf(one, options.intervalMs)]))
  const collected = collect(matrix, facts)
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
  const rejectProgress = new Map<string, RejectProgress>()
  const ending = new AbortController()
  const stopped = AbortSignal.any([signal, ending.signal])
  const fromMs = clock.nowMs()
  const untilMs = fromMs + options.durationMs
  try {
    await point(facts)
    const sampling = Promise.all(
      nodes.names.map((name) =>
        sampleRejects(nodes.get(name), {
          clock,
          durationMs: options.durationMs,
          signal: stopped,
          onSample: (seen) => rejectProgress.set(name, seen),
        }),
      ),
    )
    // Whatever ends the loop below, nobody is left waiting for these.
    sampling.catch(() => {})
    let known = facts
    let lookedMs = fromMs
    while (!signal.aborted && clock.nowMs() < untilMs) {
      await pause(clock, Math.min(tellEveryMs, untilMs - clock.nowMs()), signal)
      const away = collected.add(await connections.read())
      const rejects = [...rejectProgress.values()]
      progress.leftMs = Math.max(0, untilMs - clock.nowMs())
      progress.attempts = collected.counts.attempts
      progress.failures = collected.counts.failures
      progress.rejects = rejects.reduce((sum, one) => sum + one.rejects, 0)
      progress.reconciles = rejects.reduce((sum, one) => sum + one.reconciles, 0)
      tell()
      if (away && clock.nowMs() - lookedMs > lookEveryMs) {
        lookedMs = clock.nowMs()
        const now = await options.look(known)
        if (now.kube.reachable) {
          known = now
          await point(now)
        }
      }
    }
    const endedMs = clock.nowMs()
    const { seen, problems } = await connections.end()
    collected.add(seen)
    const rejects = await sampling
    return {
      format: 1,
      cluster: options.cluster,
      clusterId,
      fromMs,
      untilMs: endedMs,
      facts,
      series: collected.series(seenAs),
      rejects,
      churn: [],
      signals: {},
      podNetworks: [],
      notMeasured: [
        ...problems.map((problem) => `connections: ${problem}`),
        ...collected.problems(),
        ...silentPorts(answering),
        ...rejectProblems(rejects),
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

/** Which ports of pods answer. A refusal is believed when it comes twice. */
async function askPorts(nodes: Nodes, facts: Facts): Promise<Answering> {
  const wanted = portsToAsk(facts)
  const refused = (list: readonly Measured[]) => list.filter((one) => one.outcome === 'refused')
  const first = await measure(nodes, wanted, facts)
  const again = await measure(
    nodes,
    refused(first).map((one) => pair(one.from, one.to, one.port)),
    facts,
  )
  const silent = new Set(refused(again).map((one) => `${one.to}:${one.port}`))
  const http = new Set(wanted.filter(({ kind }) => kind === 'http').map(({ to, port }) => `${to}:${port}`))
  return new Map(
    first.map(({ to, port, outcome }) => {
      const name = `${to}:${port}`
      return [name, silent.has(name) ? null : { http: outcome === 'ok' && http.has(name) }]
    }),
  )
}

function silentPorts(answering: Answering): string[] {
  const names = [...answering].flatMap(([name, answer]) => (answer === null ? [name] : []))
  return names.length === 0 ? [] : [`nothing listens on ${names.join(', ')}, although the pod's containers name it`]
}

const rejectProblems = (rejects: readonly RejectSamples[]) =>
  rejects.flatMap(({ node, problem }) => (problem === null ? [] : [`rejects on ${node}: ${problem}`]))

const allowedOf = (matrix: readonly MatrixPair[]) => matrix.filter(({ allowed }) => allowed !== false)

const everyOf = ({ allowed }: MatrixPair, intervalMs: number) =>
  allowed === false ? Math.max(1, Math.round(deniedEveryMs / intervalMs)) : 1

/** A server that says one address says whom it saw: the pods of the practice cluster, and what echoes requests. */
export function sourcesSeen(measured: readonly Measured[]): Map<string, string> {
  return new Map(
    measured.flatMap(({ from, to, port, said }) => {
      const addresses = (said ?? '')
        .split(/[^0-9A-Fa-f.:]+/)
        .filter((word) => /[.:]/.test(word) && ipaddr.isValid(word))
      const [only, second] = new Set(addresses)
      return only !== undefined && second === undefined ? [[pair(from, to, port).id, only] as const] : []
    }),
  )
}

/** Puts attempts to their pairs, by the operator's clock. */
function collect(matrix: readonly MatrixPair[], facts: Facts) {
  const attempts = new Map<string, Series['attempts']>(matrix.map(({ id }) => [id, []]))
  const addresses = new Map<string, string>()
  const denied = new Set(matrix.filter(({ allowed }) => allowed === false).map(({ id }) => id))
  const counts = { attempts: 0, failures: 0 }
  const absent = new Set<string>()
  let broken = 0
  return {
    counts,
    located(targets: ReadonlyMap<string, readonly Target[]>) {
      for (const { id, address } of [...targets.values()].flat()) addresses.set(id, address)
    },
    /** Whether a source is not where it was. */
    add(seen: readonly SeenOnNode[]): boolean {
      let away = false
      for (const one of seen) {
        const offsetMs = facts.nodes[one.node]?.host.clockOffsetMs ?? 0
        broken += one.broken
        for (const { id, atMs, durationMs, outcome, firstByteMs } of one.attempts) {
          // Nothing was tried: its source was not there.
          if (outcome === 'no-netns') {
            away = true
            absent.add(id)
            continue
          }
          attempts.get(id)?.push([atMs - offsetMs, durationMs, outcome, firstByteMs])
          counts.attempts++
          if (outcome !== 'ok' && !denied.has(id)) counts.failures++
        }
      }
      return away
    },
    series(seenAs: ReadonlyMap<string, string>): Series[] {
      return matrix.flatMap((one) => {
        const address = addresses.get(one.id)
        if (address === undefined) return []
        const list = (attempts.get(one.id) ?? []).toSorted(([a], [b]) => a - b)
        return [{ ...one, address, attempts: list, sourceSeen: seenAs.get(one.id) ?? null }]
      })
    },
    problems(): string[] {
      const lost = matrix.filter(({ id }) => !addresses.has(id)).map(({ id }) => id)
      return [
        ...(lost.length === 0 ? [] : [`${lost.join(', ')}: not probed, for an end of it could not be found`]),
        ...(absent.size === 0 ? [] : [`${[...absent].join(', ')}: not probed for as long as the source was not there`]),
        ...(broken === 0 ? [] : [`${broken} lines of the prober could not be read`]),
      ]
    },
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(Math.max(0, ms), signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
