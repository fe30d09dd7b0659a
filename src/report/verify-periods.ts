import { createColors } from 'picocolors'
import type { Change, Compared, PeriodsCompared } from '../probes/compare-periods.ts'
import { level, type PairCompared, type PairSide } from '../probes/compare-series.ts'
import type { Rate } from '../probes/statistics/poisson-rate.ts'
import type { Proportion } from '../probes/statistics/proportion.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { type Cell, table } from './table.ts'

/** Pairs of one verdict are listed up to this many; the rest is counted. */
const listed = 15

/** Two periods side by side: the whole cluster in two lines, then the pairs of which there is something to say. */
export function periodsText(compared: PeriodsCompared, options: { colour: boolean; width: number }): string[] {
  const { verdicts, pairs, notMeasured } = compared
  const of = (verdict: PairCompared['verdict']) => pairs.filter((one) => one.verdict === verdict)
  const count = `${pairs.length} pairs: ${verdicts.worse} worse, ${verdicts.fixed} fixed, ${verdicts['changed-kind']} blocked in another way, ${verdicts.same} the same, ${verdicts['not-comparable']} not comparable`
  return [
    ...figures(compared, options),
    '',
    count,
    ...section('Worse', of('worse'), options),
    ...section('Fixed', of('fixed'), options),
    ...section('Blocked in another way', of('changed-kind'), options),
    ...section('Not comparable', of('not-comparable'), options),
    ...(notMeasured.length === 0 ? [] : ['', 'Not measured', ...notMeasured.map((one) => `  ${visible(one)}`)]),
  ]
}

function figures({ failures, rejects }: PeriodsCompared, { colour, width }: { colour: boolean; width: number }) {
  const colours = createColors(colour)
  const style: Record<Change, (text: string) => string> = {
    fixed: colours.green,
    better: colours.green,
    same: (text) => text,
    worse: (text) => colours.bold(colours.red(text)),
  }
  const row = <T>(title: string, one: Compared<T> | null, shown: (value: T) => string): (Cell | string)[] =>
    one === null
      ? [title, '-', '-', 'not measured both times', '']
      : [title, shown(one.before), shown(one.after), { text: one.change, style: style[one.change] }, probability(one.p)]
  return table(
    [
      ['', 'before', 'now', '', ''],
      row('attempts that failed or were late', failures, percentages),
      row('packets refused by kube-router, per hour', rejects, perHour),
    ],
    width,
  )
}

function section(title: string, pairs: readonly PairCompared[], { colour, width }: { colour: boolean; width: number }) {
  if (pairs.length === 0) return []
  const colours = createColors(colour)
  const rows = pairs
    .slice(0, listed)
    .map((one) => [
      visible(`${one.from} -> ${one.to}:${one.port}`),
      sideText(one.before),
      sideText(one.after),
      one.correctedP === null || one.verdict === 'changed-kind' ? '' : probability(one.correctedP),
      visible(one.note),
    ])
  const rest = pairs.length - listed
  return [
    '',
    colours.bold(title),
    ...table(rows, width - 2).map((line) => `  ${line}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ]
}

/** `12 of 120 bad in 3 bursts, longest 2 s` */
function sideText(side: PairSide | null): string {
  if (side === null || side.attempts === 0) return '-'
  const { bad, bursts, clusteredP, modes } = side
  const counted = `${bad.hits} of ${bad.tries} bad`
  const slow = modes.length > 1 ? `, connects in ${modes.map(({ medianMs }) => duration(medianMs)).join(' or ')}` : ''
  if (bursts === null || bursts.bursts < 2) return `${counted}${slow}`
  const clustered = clusteredP !== null && clusteredP < level ? ', closer together than by chance' : ''
  return `${counted} in ${bursts.bursts} bursts, longest ${duration(bursts.longestMs)}${clustered}${slow}`
}

/** `2.4 % (1.1 to 4.6)`: share and 95 % confidence interval. */
const percentages = ({ share, interval: [low, high] }: Proportion) =>
  `${digits(share * 100)} % (${digits(low * 100)} to ${digits(high * 100)})`

const perHour = ({ perHour: value, interval: [low, high] }: Rate) =>
  `${digits(value)} (${digits(low)} to ${digits(high)})`

const digits = (value: number): string =>
  value === 0
    ? '0'
    : value < 0.001
      ? '< 0.001'
      : value >= 100
        ? Math.round(value).toLocaleString('en')
        : String(Number(value.toPrecision(2)))

const probability = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`)
