import { type Evidence, pairSorts, type Series } from '../probes/evidence.ts'
import { blockLength, blocksOf } from '../probes/statistics/blocks.ts'
import { burstsOf, summarizeBursts } from '../probes/statistics/bursts.ts'
import { type Clustering, clustering } from '../probes/statistics/clustering.ts'
import { rateOfParts } from '../probes/statistics/poisson-rate.ts'
import { proportionOfBlocks } from '../probes/statistics/proportion.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { table, wrap } from './table.ts'

/** Names are listed up to this many, worst first; the rest is counted. */
const listed = 10

const failed = ([, , outcome]: Series['attempts'][number]) => outcome !== 'ok'
const worked = ([, , outcome]: Series['attempts'][number]) => outcome === 'ok'

/** What was seen, in numbers: connections by sort, the pairs that failed, rejects by pod, what made rules be written anew. */
export function evidenceText(evidence: Evidence, width: number): string[] {
  const lengthMs = evidence.untilMs - evidence.fromMs
  const nodes = Object.keys(evidence.facts.nodes).length
  const head = `${visible(evidence.cluster)}: ${nodes} nodes watched for ${duration(lengthMs)}, from ${clock(evidence.fromMs)} to ${clock(evidence.untilMs)}.`
  return [
    head,
    ...section('Connections', connections(evidence.series, width)),
    ...section('Failed although no policy denies them', failures(evidence.series, width)),
    ...section('Worked although policies deny them', opened(evidence.series, width)),
    ...section('Refused by kube-router, by pod', rejects(evidence, lengthMs, width)),
    ...section('Rules written anew', reconciles(evidence, lengthMs, width)),
    ...section(
      'Not measured',
      evidence.notMeasured.flatMap((one) => wrap(visible(one), width - 2)),
    ),
  ]
}

const section = (title: string, lines: readonly string[]) =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]

const clock = (ms: number) => `${new Date(ms).toISOString().slice(11, 19)} UTC`

function connections(series: readonly Series[], width: number): string[] {
  const groups = Map.groupBy(series, ({ sort, allowed }) => (allowed === false ? 'denied by policy' : sort))
  const rows = [...pairSorts, 'denied by policy' as const].flatMap((name) => {
    const list = groups.get(name)
    if (list === undefined) return []
    const attempts = list.reduce((sum, one) => sum + one.attempts.length, 0)
    if (name === 'denied by policy') {
      const open = list.reduce((sum, one) => sum + one.attempts.filter(worked).length, 0)
      return [[name, String(list.length), String(attempts), `${open} worked`, '', '', '']]
    }
    const { share, interval } = shareOf(list)
    const bursts = summarizeBursts(list.flatMap(({ attempts: all }) => burstsOf(all, failed)))
    const inBursts = bursts === null ? ['', ''] : [String(bursts.bursts), duration(bursts.longestMs)]
    const rate = attempts === 0 ? ['-', ''] : [percent(share), `${percent(interval[0])} to ${percent(interval[1])}`]
    return [[name, String(list.length), String(attempts), ...rate, ...inBursts]]
  })
  if (rows.length === 0) return ['no pair could be probed']
  return table([['', 'pairs', 'attempts', 'failed', '95 % between', 'bursts', 'longest'], ...rows], width - 2)
}

function failures(series: readonly Series[], width: number): string[] {
  const rows = series
    .filter(({ allowed, attempts }) => allowed !== false && attempts.some(failed))
    .map((one) => ({ one, share: one.attempts.filter(failed).length / one.attempts.length }))
    .toSorted((a, b) => b.share - a.share)
    .map(({ one, share }) => [
      visible(one.id),
      `${percent(share)} of ${one.attempts.length}`,
      waysOf(one),
      clusteredText(clustering(one.attempts.map(failed))),
    ])
  return capped(rows, width)
}

function opened(series: readonly Series[], width: number): string[] {
  const rows = series
    .filter(({ allowed, attempts }) => allowed === false && attempts.some(worked))
    .map((one) => [visible(one.id), `${one.attempts.filter(worked).length} of ${one.attempts.length}`])
  return capped(rows, width)
}

/** Whether failures come one after the other more than chance would have it. */
function clusteredText(found: Clustering | null): string {
  if (found === null || found.p >= 0.05) return ''
  return `in bursts (${found.p < 0.001 ? 'p < 0.001' : `p = ${found.p.toFixed(3)}`} by chance)`
}

/** `refused 12, timeout 3` */
function waysOf({ attempts }: Series): string {
  const ways = Map.groupBy(attempts.filter(failed), ([, , outcome]) => outcome)
  return [...ways]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([outcome, list]) => `${outcome} ${list.length}`)
    .join(', ')
}

/** Failures come in bursts, so attempts are taken together before an interval is drawn around their share. */
function shareOf(list: readonly Series[]) {
  const hits = list.map(({ attempts }) => attempts.map(failed))
  const length = blockLength(hits)
  return proportionOfBlocks(hits.flatMap((one) => blocksOf(one, length)))
}

/** Of what is counted a minute long is a part; of a shorter time, a tenth of it. */
function rejects({ rejects: nodes, fromMs }: Evidence, lengthMs: number, width: number): string[] {
  const partMs = Math.min(60_000, lengthMs / 10)
  const parts = Math.floor(lengthMs / partMs)
  const rows = nodes
    .flatMap(({ node, rejects: pods }) =>
      pods.map(({ namespace, pod, increments }) => {
        const counts = Array.from({ length: parts }, () => 0)
        for (const [atMs, count] of increments) {
          const part = Math.max(0, Math.min(parts - 1, Math.floor((atMs - fromMs) / partMs)))
          counts[part] = (counts[part] ?? 0) + count
        }
        return { name: visible(`${namespace}/${pod}`), node, rate: rateOfParts(counts, partMs) }
      }),
    )
    .toSorted((a, b) => b.rate.count - a.rate.count)
    .map(({ name, node, rate: { count, perHour, interval } }) => [
      name,
      visible(node),
      `${count} packets`,
      `${number(perHour)} an hour`,
      `95 % between ${number(interval[0])} and ${number(interval[1])}`,
    ])
  return capped(rows, width)
}

function reconciles({ rejects: nodes, churn }: Evidence, lengthMs: number, width: number): string[] {
  const byNode = nodes.map(({ node, reconcilesMs, gaps, problem }) => [
    visible(node),
    problem === null || reconcilesMs.length > 0 ? times(reconcilesMs.length) : 'not seen',
    gaps.length === 0 ? '' : `${gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'} seen`,
  ])
  const changes = Map.groupBy(churn, ({ kind, verb, owner }) => `${kind} ${verb}${owner === null ? '' : ` (${owner})`}`)
  const byChange = [...changes]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([what, list]) => [
      visible(what),
      times(list.length),
      `${number((list.length * 3_600_000) / lengthMs)} an hour`,
    ])
  return [...table(byNode, width - 2), ...capped(byChange, width)]
}

function capped(rows: readonly string[][], width: number): string[] {
  if (rows.length === 0) return []
  const rest = rows.length - listed
  return [...table(rows.slice(0, listed), width - 2), ...(rest > 0 ? [`and ${rest} more`] : [])]
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`)

/** Two figures that count, never `0 %` of something. */
function percent(share: number): string {
  const value = share * 100
  return value === 0 || value >= 10 ? `${Math.round(value)} %` : `${Number(value.toPrecision(2))} %`
}

const number = (value: number) => (value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2))))
