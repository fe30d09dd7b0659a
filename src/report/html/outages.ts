import * as Plot from '@observablehq/plot'
import { type Outage, type PairOutages, summarize } from '../../probes/outage.ts'
import { podOutages } from '../../probes/pod-outages.ts'
import { duration } from '../duration.ts'
import { expectedOf, remarksOn, type StepOutage } from '../outage-table.ts'
import { type RunStory, runStory } from '../run-story.ts'
import { stepOutages } from '../step-outages.ts'
import { figure, isNarrow, type Picture, shortened, shownText } from './figure.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { notMeasured } from './not-measured.ts'
import type { ReportData } from './report-data.ts'
import { axisOf, pauseMarks, place, timeScale } from './run-axis.ts'
import { clockTime } from './times.ts'

/** Pairs in the picture; all are in the table. */
const mostShown = 60

/** What was announced beside what was measured, step by step and pair by pair. */
export function outageSection(data: ReportData): Markup {
  const steps = stepOutages(data.plan, data.journal, data.pairs, data.beforehand)
  return html`<section id="outages"><h2>What was interrupted</h2>
${steps.length === 0 ? html`<p>No step announced an interruption, and none was measured.</p>` : stepTable(steps)}
${
  data.pairs.length === 0
    ? notMeasured(
        'How long connections between pods were interrupted was not measured.',
        'The step “measure” of a run does it; it was skipped, or its results are not in the folder of the run.',
      )
    : [podTable(data), pairFigure(data)]
}
</section>`
}

function stepTable(steps: readonly StepOutage[]): Markup {
  const rows = steps.map((step) => {
    const { stepId, what, expectedMs, lasted, pairs } = step
    const longest = pairs?.toSorted((a, b) => b.ms - a.ms)[0]
    const cut = new Set(pairs?.map(({ pair }) => pair)).size
    return [
      html`<code>${stepId}</code>`,
      what,
      expectedMs === null || expectedMs === 0 ? '' : duration(expectedMs),
      (lasted ?? []).map(({ startMs, endMs, wayBack }, index) => [
        index > 0 ? ', ' : '',
        endMs === null ? html`<strong class="bad">not over</strong>` : measured(endMs - startMs, expectedMs),
        wayBack ? ' (going back)' : '',
      ]),
      pairs === null
        ? 'not measured'
        : longest === undefined
          ? 'none'
          : measured(longest.ms, expectedOf(step, longest.pair), longest.beforehand),
      pairs === null ? '' : cut,
    ]
  })
  return htmlTable(
    'Announced and measured',
    [
      { title: 'Step' },
      { title: 'Announced to be interrupted' },
      { title: 'Expected', isNumber: true },
      { title: 'Lasted', isNumber: true },
      { title: 'Longest of a pair', isNumber: true },
      { title: 'Pairs', isNumber: true },
    ],
    rows,
  )
}

/** Longer than expected is said, not only coloured. */
function measured(ms: number, expectedMs: number | null, beforehand = false): Markup {
  const text = [duration(ms), ...remarksOn(ms, expectedMs, beforehand)].join(', ')
  return expectedMs === null || ms <= expectedMs ? html`${text}` : html`<strong class="bad">${text}</strong>`
}

function pairFigure(data: ReportData): Markup {
  const story = runStory(data.plan, data.journal)
  const cut = data.pairs
    .filter(({ outages }) => outages.length > 0)
    .toSorted((a, b) => b.longestMs - a.longestMs)
    .slice(0, mostShown)
    .toSorted((a, b) => (a.outages[0]?.startMs ?? 0) - (b.outages[0]?.startMs ?? 0))
  const { pairs, working, interrupted, longestMs, notBack } = summarize(data.pairs)
  const says = [
    `${pairs} pairs were probed twice a second; ${interrupted} of the ${working} that worked were interrupted, the longest for ${duration(longestMs)}.`,
    notBack.length === 0 ? 'All of them work again.' : `${notBack.length} did not work again: ${notBack.join(', ')}.`,
    interrupted > cut.length ? `Shown are the ${cut.length} longest.` : '',
    'Times are those of the nodes’ clocks.',
  ]
  return figure({
    title: 'Every interruption of every pair',
    says: says.filter((sentence) => sentence !== '').join(' '),
    legend: html`<ul class="legend"><li><span class="swatch away"></span>no connection</li>
${notBack.length > 0 ? html`<li><span class="swatch failed"></span>not back at the end</li>` : null}
${cut.some(({ unmeasured }) => unmeasured.length > 0) ? html`<li><span class="swatch gap"></span>not measured: the source was away</li>` : null}
${story.pauses.length > 0 ? html`<li><span class="swatch pause"></span>nobody at it</li>` : null}</ul>`,
    picture: (width) => pairPicture(cut, story, width),
    table: pairTable(data),
  })
}

function podTable({ pairs }: ReportData): Markup {
  return htmlTable(
    'How long each pod was not reached, by whoever tried',
    [
      { title: 'Pod' },
      { title: 'In sum', isNumber: true },
      { title: 'Longest', isNumber: true },
      { title: 'Failed attempts', isNumber: true },
    ],
    podOutages(pairs).map(({ pod, totalMs, longestMs, failedAttempts, isBack }) => [
      html`<code>${pod}</code>`,
      totalMs === 0 ? 'never' : [duration(totalMs), isBack ? '' : html` <strong class="bad">not back</strong>`],
      totalMs === 0 ? '' : duration(longestMs),
      failedAttempts,
    ]),
  )
}

/** Names stand left of their bars, or above them where there is no room. */
function pairPicture(cut: readonly PairOutages[], story: RunStory, width: number): Picture {
  const narrow = isNarrow(width)
  const axis = axisOf(story, width)
  const marginLeft = narrow ? 4 : 360
  const bars = cut.flatMap(({ id, outages }) =>
    outages.map((outage) => ({
      row: id,
      ...place(axis, outage.startMs, outage.startMs + outage.lengthMs),
      text: outage.endMs === null ? 'not back' : duration(outage.lengthMs),
      colour: outage.endMs === null ? 'var(--bad)' : 'var(--away)',
      title: shownText(`${id}: ${outageText(outage)}`),
    })),
  )
  const gaps = cut.flatMap(({ id, unmeasured }) =>
    unmeasured.map(({ startMs, endMs }) => ({ row: id, ...place(axis, startMs, endMs) })),
  )
  const rowHeight = narrow ? 32 : 18
  return {
    width,
    height: Math.max(1, cut.length) * rowHeight + 66,
    marginLeft,
    marginRight: 50,
    marginTop: 26,
    marginBottom: 40,
    x: timeScale(axis),
    y: {
      type: 'band',
      domain: cut.map(({ id }) => id),
      label: null,
      tickSize: 0,
      tickFormat: (id: string) => shortened(id, marginLeft - 8),
      ...(narrow ? { axis: null } : {}),
      paddingInner: narrow ? 0.66 : 0.35,
    },
    marks: [
      Plot.gridX(
        axis.ticks.map(({ at }) => at),
        { stroke: 'var(--line)' },
      ),
      ...pauseMarks(axis, story.pauses),
      Plot.barX(gaps, { x1: 'x1', x2: 'x2', y: 'row', fill: 'var(--gap)' }),
      Plot.barX(bars, { x1: 'x1', x2: 'x2', y: 'row', fill: 'colour', title: 'title' }),
      Plot.text(bars, { x: 'x2', y: 'row', text: 'text', textAnchor: 'start', dx: 4, fill: 'var(--ink)' }),
      ...(narrow
        ? [Plot.text(cut, { x: 0, y: 'id', text: ({ id }) => shortened(id, width - 20), textAnchor: 'start', dy: -14 })]
        : []),
    ],
  }
}

const outageText = ({ startMs, endMs, lengthMs, atMostMs, failedAttempts, outcomes }: Outage) =>
  `from ${clockTime(startMs)} UTC ${endMs === null ? 'until the end' : `for ${duration(lengthMs)}, at most ${duration(atMostMs ?? lengthMs)}`}; ${failedAttempts} attempts: ${outcomes.join(', ')}`

const interruptionsText = (outages: readonly Outage[], beforehand: boolean) =>
  outages.length === 0
    ? 'none'
    : [...outages.map(outageText), ...(beforehand ? ['was interrupted before the run too'] : [])].join('; ')

function pairTable({ pairs, beforehand }: ReportData): Markup {
  return htmlTable(
    'Pairs by their longest interruption',
    [
      { title: 'Pair' },
      { title: 'Attempts', isNumber: true },
      { title: 'Longest', isNumber: true },
      { title: 'At most', isNumber: true },
      { title: 'In sum', isNumber: true },
      { title: 'Interruptions' },
    ],
    pairs
      .toSorted((a, b) => b.longestMs - a.longestMs)
      .map(({ id, attempts, workedAtFirst, outages, longestMs, totalMs }) => [
        html`<code>${id}</code>`,
        attempts,
        outages.length === 0 ? '' : duration(longestMs),
        outages.length === 0 ? '' : duration(Math.max(...outages.map((one) => one.atMostMs ?? one.lengthMs))),
        outages.length === 0 ? '' : duration(totalMs),
        workedAtFirst ? interruptionsText(outages, beforehand.includes(id)) : 'did not work when probing began',
      ]),
  )
}
