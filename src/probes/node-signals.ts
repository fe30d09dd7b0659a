import type { Clock } from '../engine/model.ts'
import { MigrateError } from '../errors.ts'
import { collect } from '../facts/collect.ts'
import type { KubeFacts } from '../facts/kube.ts'
import { type NetfilterFacts, type RulesetName, rulesetNames } from '../facts/netfilter.ts'
import { parseSections, type Sections } from '../facts/sections.ts'
import { malformedRules, ruleCounts } from '../netfilter/malformed.ts'
import type { Node } from '../nodes/node.ts'
import { mustRun, outcomeError, script } from '../nodes/run.ts'
import type { NodeSignals } from './evidence.ts'
import { kubeProxyScript, nodeSignalsScript } from './node-signals-script.ts'
import { cniRestarts, stuckSandboxes } from './pod-signals.ts'
import { between, bucketsOf, type Metric, parseMetrics, quantile } from './prometheus.ts'

const everyMs = 10_000
const timeoutMs = 30_000
/** Exit code of kubeProxyScript where nothing answers. */
const noAnswer = 7

export interface WatchSignalsOptions {
  clock: Clock
  durationMs: number
  /** Ends it early; what was seen until then is kept. */
  signal?: AbortSignal
  /** The node's address in the inventory. */
  address: string
  /** All pods as they are at the end. */
  pods(): Promise<KubeFacts['pods']>
}

/** One reading of kube-proxy's metrics. Times by the node's clock. */
interface Reading {
  atMs: number
  mode: string | null
  metrics: Metric[]
}

/** What a node says of its own packet path over a time (seed 004's signals). Only reads; what it cannot tell is in `problems`. */
export async function watchSignals(node: Node, options: WatchSignalsOptions): Promise<NodeSignals> {
  const { clock, signal } = options
  const problems: string[] = []
  const problem = (error: unknown): null => {
    if (!(error instanceof MigrateError)) throw error
    if (!problems.includes(error.message)) problems.push(error.message)
    return null
  }
  const startedMs = clock.nowMs()
  const untilMs = startedMs + options.durationMs
  const first = await readKubeProxy(node).catch(problem)
  if (first && first.metrics.length === 0) problems.push(`${node.name}: kube-proxy has no metrics on 127.0.0.1:10249`)
  let last = first
  const pendingChanges: [number, number][] = []
  const sample = (reading: Reading, atMs: number) => {
    last = reading
    const pending = valuesOf(reading.metrics, 'endpoint_changes_pending')
    if (pending.length > 0) pendingChanges.push([atMs, pending.reduce((sum, value) => sum + value, 0)])
  }
  if (first) sample(first, startedMs)
  while (!signal?.aborted && clock.nowMs() < untilMs) {
    await clock.sleep(Math.min(everyMs, untilMs - clock.nowMs()), signal).catch((error: unknown) => {
      if (!signal?.aborted) throw error
    })
    const atMs = clock.nowMs()
    const reading = await readKubeProxy(node).catch(problem)
    if (reading) sample(reading, atMs)
  }
  const watchedMs = Math.max(clock.nowMs() - startedMs, 1)
  // The node's logs go by its own clock.
  const fromMs = (last?.atMs ?? clock.nowMs()) - watchedMs
  const sections = await readAtEnd(node, fromMs).catch(problem)
  if (sections && sections.optional('signals.lock-journal') === null)
    problems.push(`${node.name}: its journal cannot be read`)
  const collected = await collect(node, ['netfilter'], { address: options.address, nodeNames: [], clock }).catch(
    problem,
  )
  const pods = (await options.pods().catch(problem)) ?? []
  return {
    kubeProxy: first && last && first.metrics.length > 0 ? kubeProxyOf(first, last, pendingChanges) : null,
    xtablesLock: sections && lockOf(sections, fromMs, watchedMs),
    iptables: sections ? iptablesOf(sections, pods) : [],
    ...rulesOf(collected?.netfilter ?? null),
    conntrack: conntrackOf(sections?.optional('signals.conntrack') ?? null),
    cniRestarts: cniRestarts(pods, node.name),
    stuckSandboxes: stuckSandboxes(pods, node.name, clock.nowMs()),
    problems,
  }
}

async function readKubeProxy(node: Node): Promise<Reading> {
  const command = script('kube-proxy-metrics', kubeProxyScript, [], 'bash')
  const outcome = await node.run({ ...command, mode: 'read', timeoutMs })
  const [at = '', mode = '', ...lines] = outcome.stdout.split('\n')
  const atMs = Number(/^at (\d{13})$/.exec(at)?.[1] ?? Number.NaN)
  const answers = outcome.kind === 'exited' && (outcome.code === 0 || outcome.code === noAnswer)
  if (!answers || Number.isNaN(atMs)) throw outcomeError(node.name, command, outcome)
  return { atMs, mode: /^mode ([a-z]+)$/.exec(mode)?.[1] ?? null, metrics: parseMetrics(lines.join('\n')) }
}

/** What is told of the whole time at its end. */
async function readAtEnd(node: Node, fromMs: number): Promise<Sections> {
  const { stdout } = await mustRun(node, {
    ...script('node-signals', nodeSignalsScript, [String(Math.floor(fromMs / 1000))]),
    mode: 'read',
    timeoutMs: timeoutMs * 2,
  })
  return parseSections(stdout)
}

const valuesOf = (metrics: readonly Metric[], name: string): number[] =>
  metrics.filter((metric) => metric.name === `kubeproxy_sync_proxy_rules_${name}`).map((metric) => metric.value)

function kubeProxyOf(first: Reading, last: Reading, pendingChanges: [number, number][]): NodeSignals['kubeProxy'] {
  const duration = 'kubeproxy_sync_proxy_rules_duration_seconds'
  const observed = between(bucketsOf(first.metrics, duration), bucketsOf(last.metrics, duration))
  const p99 = quantile(0.99, observed)
  // One for each address family; the one that has not been written for longest is what a sign of trouble is looked for in.
  const written = valuesOf(last.metrics, 'last_timestamp_seconds').filter((seconds) => seconds > 0)
  return {
    mode: last.mode,
    syncP99Ms: p99 === null ? null : p99 * 1000,
    syncs: Math.max(0, ...observed.values()),
    lastSyncAgeMs: written.length === 0 ? null : Math.max(0, last.atMs - Math.min(...written) * 1000),
    pendingChanges,
  }
}

/** null: the node has no journal that can be read. */
function lockOf(sections: Sections, fromMs: number, watchedMs: number): NodeSignals['xtablesLock'] {
  const journal = sections.optional('signals.lock-journal')
  if (journal === null) return null
  const [count = '0', ...examples] = journal.split('\n').filter((line) => line !== '')
  // `TIME stderr F TEXT`, as the runtime writes it. Tail and date are coarse on the node: the lines are gone through here.
  const said = (sections.optional('signals.lock-containers') ?? '').split('\n').flatMap((line) => {
    const [, time = '', text = ''] = /^(\S+) (?:stdout|stderr) [FP] (.*)$/.exec(line) ?? []
    return Date.parse(time) >= fromMs ? [text] : []
  })
  const messages = Number(count) + said.length
  return { messages, perMinute: (messages * 60_000) / watchedMs, examples: [...examples, ...said].slice(0, 5) }
}

function iptablesOf(sections: Sections, pods: KubeFacts['pods']): NodeSignals['iptables'] {
  const own = (['host', 'k3s'] as const).flatMap((where) => {
    const said = sections.optional(`signals.iptables-${where}`)
    const [, version, backend] = /v(\d[\d.]*)(?: \((nf_tables|legacy)\))?/.exec(said ?? '') ?? []
    if (version === undefined) return []
    return [
      {
        where: where === 'k3s' ? 'bundled with K3s' : where,
        version,
        // Before 1.8 there was but one.
        backend: backend === 'nf_tables' ? ('nft' as const) : ('legacy' as const),
      },
    ]
  })
  const containers = (sections.optional('signals.iptables-containers') ?? '').split('\n').flatMap((line) => {
    const [, uid, version = '', program = ''] = /^(\S+) (\S+) (\S+)$/.exec(line) ?? []
    if (uid === undefined) return []
    const pod = pods.find((one) => one.uid === uid)
    const backend = program.includes('nft') ? 'nft' : program.includes('legacy') ? 'legacy' : null
    return [
      {
        where: pod ? `${pod.namespace}/${pod.name}` : `a container of pod ${uid}`,
        version: version === '-' ? 'unknown' : version,
        backend: backend as 'nft' | 'legacy' | null,
      },
    ]
  })
  return [...own, ...containers]
}

function rulesOf(netfilter: NetfilterFacts | null): Pick<NodeSignals, 'ruleCounts' | 'malformedRules'> {
  const texts = rulesetNames.flatMap((name): [RulesetName, string][] => {
    const text = netfilter?.rulesets[name]
    return text ? [[name, text]] : []
  })
  const counts = texts.flatMap(([name, text]) =>
    Object.entries(ruleCounts(text)).map(([table, count]) => [`${name} ${table}`, count] as const),
  )
  return { ruleCounts: Object.fromEntries(counts), malformedRules: texts.flatMap(([, text]) => malformedRules(text)) }
}

function conntrackOf(text: string | null): NodeSignals['conntrack'] {
  const [, count, max] = /^(\d+)\s+(\d+)\s*$/.exec(text ?? '') ?? []
  return count === undefined || max === undefined ? null : { count: Number(count), max: Number(max) }
}
