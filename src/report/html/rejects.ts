import * as Plot from '@observablehq/plot'
import { compareEvidence } from '../../operations/evidence-counts.ts'
import type { Evidence } from '../../probes/evidence.ts'
import { type Rate, rateOfParts } from '../../probes/statistics/poisson-rate.ts'
import { figure, isNarrow, type Picture } from './figure.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { notMeasured } from './not-measured.ts'
import type { ReportData } from './report-data.ts'
import { dateAndTime } from './times.ts'

/** How many bars a measurement is divided into at most. */
const barCount = 90
const panelHeight = 120
const binsMs = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].map((seconds) => seconds * 1000)

/** Packets that kube-router refused, before and after, with the times at which it wrote its rules anew. */
export function rejectSection(data: ReportData): Markup {
  const { baseline, verification, comparison, before, after } = data
  const rates = comparison?.rejects ?? null
  const measured = [
    ...(baseline === null
      ? []
      : [{ when: 'before', evidence: baseline.evidence, rate: rates?.before ?? rateOf(baseline.evidence) }]),
    ...(verification === null
      ? []
      : [{ when: 'after', evidence: verification.evidence, rate: rates?.after ?? rateOf(verification.evidence) }]),
  ]
  return html`<section id="rejects"><h2>Refused packets</h2>
${measured.length === 0 ? null : rejectFigure(measured)}
${
  baseline === null
    ? notMeasured(
        'Refused packets were not measured over a time before this run.',
        'A baseline that is taken before a run does it:',
        'migrate baseline --duration 10m',
      )
    : null
}
${
  verification === null
    ? notMeasured(
        'Nor were they after it.',
        'To measure them now:',
        `migrate ${baseline === null ? 'baseline' : 'verify'} --duration 10m`,
      )
    : null
}
${before !== null && after !== null ? countTable(compareEvidence(before, after)) : null}
</section>`
}

interface MeasuredTime {
  when: string
  evidence: Evidence
  rate: Rate
}

function rejectFigure(measured: readonly MeasuredTime[]): Markup {
  const longestMs = Math.max(1000, ...measured.map(({ evidence }) => evidence.untilMs - evidence.fromMs))
  const binMs = binsMs.find((ms) => longestMs / ms <= barCount) ?? Math.ceil(longestMs / barCount)
  const bars = measured.flatMap(({ when, evidence }) => binned(evidence, binMs).map((bin) => ({ when, ...bin })))
  return figure({
    title: 'Packets refused by kube-router',
    says: `${measured.map(saysOf).join(' ')} What policies forbid is refused too and is among these, with the probing's own attempts at it.`,
    legend: html`<ul class="legend"><li><span class="swatch reject"></span>packets refused in ${binMs / 1000} s, all nodes</li>
<li><span class="sign reconcile">|</span> kube-router wrote its rules anew</li></ul>`,
    picture: (width) => rejectPicture(measured, bars, longestMs, width),
    table: podTable(measured),
  })
}

type Bar = ReturnType<typeof binned>[number] & { when: string }

/** One panel a measurement, on one scale; above the bars the times at which kube-router wrote its rules. */
function rejectPicture(
  measured: readonly MeasuredTime[],
  bars: readonly Bar[],
  longestMs: number,
  width: number,
): Picture {
  const most = Math.max(1, ...bars.map(({ packets }) => packets))
  const reconciles = measured.flatMap(({ when, evidence }) =>
    evidence.rejects.flatMap(({ reconcilesMs }) => reconcilesMs).map((ms) => ({ when, at: ms - evidence.fromMs })),
  )
  const panels = measured.map(({ when, evidence }) => ({
    when,
    lengthMs: evidence.untilMs - evidence.fromMs,
    text: bars.some((bar) => bar.when === when) ? '' : 'none',
  }))
  return {
    width,
    height: measured.length * panelHeight + 66,
    marginLeft: 36,
    marginRight: 50,
    marginBottom: 40,
    x: {
      domain: [0, longestMs],
      label: 'since it began',
      labelAnchor: 'right',
      labelArrow: 'none',
      ticks: ticksOf(longestMs, isNarrow(width) ? 4 : 10),
      tickFormat: elapsed,
    },
    y: { grid: true, label: null, tickSize: 0, ticks: ticksUpTo(most), domain: [0, most * 1.3] },
    fy: { domain: measured.map(({ when }) => when), label: null, padding: 0.2 },
    marks: [
      Plot.ruleY(panels, { fy: 'when', y: 0, x1: 0, x2: 'lengthMs', stroke: 'var(--axis)' }),
      Plot.text(panels, {
        fy: 'when',
        x: 0,
        y: 0,
        text: 'text',
        textAnchor: 'start',
        dx: 4,
        dy: -8,
        fill: 'var(--ink)',
      }),
      Plot.rectY(bars, {
        fy: 'when',
        x1: 'x1',
        x2: 'x2',
        y: 'packets',
        fill: 'var(--reject)',
        inset: 0.5,
        insetBottom: 0,
        title: 'title',
      }),
      Plot.ruleX(reconciles, { fy: 'when', x: 'at', y1: most * 1.1, y2: most * 1.25, stroke: 'var(--ink)' }),
    ],
  }
}

/** Whole packets, three or four lines. */
function ticksUpTo(most: number): number[] {
  const rough = Math.max(1, most / 3)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = Math.max(1, ([1, 2, 5].find((one) => one * power >= rough) ?? 10) * power)
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step)
}

/** Bins without a packet are left out. */
function binned(evidence: Evidence, binMs: number) {
  const increments = evidence.rejects.flatMap(({ rejects }) => rejects.flatMap((one) => one.increments))
  const bins = Map.groupBy(increments, ([atMs]) => Math.floor((atMs - evidence.fromMs) / binMs))
  return [...bins].map(([bin, list]) => {
    const packets = list.reduce((sum, [, count]) => sum + count, 0)
    return { x1: bin * binMs, x2: (bin + 1) * binMs, packets, title: `${packets} packets from ${elapsed(bin * binMs)}` }
  })
}

function ticksOf(lengthMs: number, most: number): number[] {
  const step =
    [10, 30, 60, 120, 300, 600, 1800, 3600].map((s) => s * 1000).find((ms) => lengthMs / ms <= most) ?? 4 * 3_600_000
  return Array.from({ length: Math.floor(lengthMs / step) + 1 }, (_, index) => index * step)
}

/** `2:30` minutes and seconds. */
const elapsed = (ms: number) =>
  `${Math.floor(ms / 60_000)}:${String(Math.floor((ms % 60_000) / 1000)).padStart(2, '0')}`

const perHour = (count: number, { fromMs, untilMs }: Evidence) =>
  Math.round(count / Math.max(1 / 3600, (untilMs - fromMs) / 3_600_000))

function saysOf({ when, evidence, rate }: MeasuredTime): string {
  const reconciles = evidence.rejects.reduce((sum, { reconcilesMs }) => sum + reconcilesMs.length, 0)
  const gaps = evidence.rejects.reduce((sum, one) => sum + one.gaps.length, 0)
  const seen = gaps === 0 ? '' : `; ${gaps} times a pod's chain stood linked while it allowed nothing`
  const problems = evidence.rejects.flatMap(({ node, problem }) => (problem === null ? [] : [`${node}: ${problem}`]))
  const { count, perHour: anHour, interval } = rate
  const [low, high] = interval.map((one) => one.toFixed(0))
  const start = `${when === 'before' ? 'Before' : 'After'} (from ${dateAndTime(evidence.fromMs)} UTC):`
  return `${start} ${count} packets, ${anHour.toFixed(0)} an hour (95 %: ${low} to ${high}), with ${reconciles} reconciles on ${evidence.rejects.length} nodes${seen}.${problems.length === 0 ? '' : ` Not sampled: ${problems.join('; ')}.`}`
}

/** Refusals come in bursts, so they are counted in parts of ten seconds. */
function rateOf(evidence: Evidence): Rate {
  const partMs = 10_000
  const counts = new Array<number>(Math.max(1, Math.round((evidence.untilMs - evidence.fromMs) / partMs))).fill(0)
  for (const { x1, packets } of binned(evidence, partMs)) {
    const part = Math.min(x1 / partMs, counts.length - 1)
    counts[part] = (counts[part] ?? 0) + packets
  }
  return rateOfParts(counts, partMs)
}

function podTable(measured: readonly MeasuredTime[]): Markup {
  const byPod = new Map<string, number[]>()
  for (const [index, { evidence }] of measured.entries())
    for (const { rejects } of evidence.rejects)
      for (const { namespace, pod, increments } of rejects) {
        const counts = byPod.get(`${namespace}/${pod}`) ?? measured.map(() => 0)
        counts[index] = (counts[index] ?? 0) + increments.reduce((sum, [, count]) => sum + count, 0)
        byPod.set(`${namespace}/${pod}`, counts)
      }
  const rows = [...byPod].toSorted(([, a], [, b]) => Math.max(...b) - Math.max(...a))
  return htmlTable(
    'Refused packets by pod',
    [
      { title: 'Pod' },
      ...measured.flatMap(({ when }) => [
        { title: `Packets ${when}`, isNumber: true as const },
        { title: 'An hour', isNumber: true as const },
      ]),
    ],
    rows.map(([pod, counts]) => [
      html`<code>${pod}</code>`,
      ...measured.flatMap(({ evidence }, index) => [counts[index] ?? 0, perHour(counts[index] ?? 0, evidence)]),
    ]),
  )
}

function countTable({ before, now }: ReturnType<typeof compareEvidence>): Markup {
  const shown = (count: number | null) => count ?? 'not read'
  return htmlTable(
    'What the run counted before its first change and at its end',
    [{ title: 'On all nodes together' }, { title: 'Before', isNumber: true }, { title: 'At the end', isNumber: true }],
    [
      ['Packets refused since kube-router’s last sync', shown(before.rejected), shown(now.rejected)],
      ['kube-router’s chains and rules', before.kubeRouter, now.kubeRouter],
      ['kube-router’s ipsets', before.ipsets, now.ipsets],
      ['flannel’s chains and rules', before.flannel, now.flannel],
    ],
  )
}
