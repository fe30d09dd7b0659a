import * as Plot from '@observablehq/plot'
import { CLUSTER, type Plan } from '../../engine/model.ts'
import { duration } from '../duration.ts'
import type { Interruption } from '../journal-outage.ts'
import { type Pause, type RunStory, runStory, type TaskEnd } from '../run-story.ts'
import { stepOutages } from '../step-outages.ts'
import { figure, shortened, shownText } from './figure.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { notableEvents } from './notable-events.ts'
import type { ReportData } from './report-data.ts'
import { type TimeAxis, timeAxis } from './time-axis.ts'
import { clockTime, since } from './times.ts'

export const width = 1080
/** Left of the frame: the names of rows. */
export const marginLeft = 110
const rowHeight = 30
/** Shorter than this many pixels and a bar would not be seen. */
const leastPixels = 2

const ends: Readonly<Record<TaskEnd, { name: string; colour: string }>> = {
  done: { name: 'done', colour: 'var(--done)' },
  'in-doubt': { name: 'in doubt', colour: 'var(--doubt)' },
  failed: { name: 'failed', colour: 'var(--bad)' },
  undone: { name: 'undone', colour: 'var(--undone)' },
  'undo-failed': { name: 'undoing failed', colour: 'var(--bad)' },
}

/** The axis that all pictures of one run share. */
export function axisOf(story: RunStory): TimeAxis {
  return timeAxis({ fromMs: story.fromMs, untilMs: story.untilMs }, story.pauses)
}

/** Options of the time scale: the same place for the same time in every picture of the run. */
export function timeScale(axis: TimeAxis) {
  return {
    domain: [0, axis.length],
    ticks: axis.ticks.map(({ at }) => at),
    tickFormat: (at: number) => axis.ticks.find((tick) => tick.at === at)?.label ?? '',
    label: 'UTC',
    labelAnchor: 'right' as const,
  }
}

/** Bands for the times in which nobody was at it, with what is known of them. */
export function pauseMarks(axis: TimeAxis, pauses: readonly Pause[]): Plot.Markish[] {
  const bands = pauses.map((pause) => ({ ...place(axis, pause.fromMs, pause.untilMs), text: pauseText(pause) }))
  return [
    Plot.rect(bands, { x1: 'x1', x2: 'x2', fill: 'var(--pause)', title: 'text' }),
    Plot.ruleX(bands, { x: 'x2', stroke: 'var(--ink)', strokeDasharray: '3 3' }),
  ]
}

/** How the run went: who was changed when, what was interrupted, when nobody was there. */
export function timelineSection(data: ReportData): Markup {
  const { plan, journal } = data
  const story = runStory(plan, journal)
  const axis = axisOf(story)
  const outages = stepOutages(plan, journal, data.pairs)
  const lasted = outages.flatMap((outage) => (outage.lasted ?? []).map((one) => ({ ...one, what: outage.what })))
  const targets = targetsOf(plan)
  const phases = phaseBands(plan, story, journal)
  const rows = ['phases', 'checks', ...targets, ...(lasted.length > 0 ? ['interrupted'] : [])]
  const stepOf = new Map(plan.steps.map((step) => [step.stepId, step]))

  const tasks = story.tasks.map((task) => ({
    ...bar(axis, task.startMs, task.endMs),
    row: task.target,
    colour: ends[task.end].colour,
    title: shownText(
      `${task.target}: ${stepOf.get(task.stepId)?.title ?? task.stepId}: ${ends[task.end].name}, ${duration(task.endMs - task.startMs)}${task.error === null ? '' : `: ${task.error}`}`,
    ),
  }))
  const checks = story.steps
    .filter(({ stepId }) => stepOf.get(stepId)?.kind !== 'change')
    .map((step) => ({
      ...bar(axis, step.startMs, step.endMs),
      row: 'checks',
      title: shownText(`${stepOf.get(step.stepId)?.title ?? step.stepId}: ${duration(step.endMs - step.startMs)}`),
    }))
  const away = lasted.map((one) => ({
    ...bar(axis, one.startMs, one.endMs ?? story.untilMs),
    row: 'interrupted',
    text: one.endMs === null ? 'not over' : duration(one.endMs - one.startMs),
    title: awayText(one),
  }))
  const bands = phases.map((band) => {
    const placed = place(axis, band.startMs, band.endMs)
    const pixels = ((placed.x2 - placed.x1) / axis.length) * (width - marginLeft)
    const full = `${band.number} ${band.title}`
    const text = pixels > full.length * 6.5 ? full : pixels > 12 ? String(band.number) : ''
    return { ...placed, row: 'phases', text, title: shownText(`${full}: ${duration(band.endMs - band.startMs)}`) }
  })

  return html`<section id="story"><h2>How it went</h2>
${figure({
  title: 'The run, node by node',
  says: storyText(story, targets, lasted),
  legend: html`<ul class="legend">
${[...new Set(story.tasks.map(({ end }) => end))].map((end) => html`<li><span class="swatch ${end}"></span>${ends[end].name}</li>`)}
<li><span class="swatch check"></span>check or record</li>
${lasted.length > 0 ? html`<li><span class="swatch away"></span>interrupted</li>` : null}
${story.pauses.length > 0 ? html`<li><span class="swatch pause"></span>nobody at it</li>` : null}
</ul><ol class="phases">${phases.map((band) => html`<li value="${band.number}">${band.title} <span class="quiet">${duration(band.endMs - band.startMs)}</span></li>`)}</ol>`,
  picture: {
    width,
    height: rows.length * rowHeight + 50,
    marginLeft,
    marginRight: 20,
    marginBottom: 40,
    x: timeScale(axis),
    y: { type: 'band', domain: rows, label: null, tickFormat: (row: string) => shortened(row, 15), paddingInner: 0.3 },
    marks: [
      Plot.gridY({ stroke: 'var(--line)' }),
      ...pauseMarks(axis, story.pauses),
      Plot.barX(bands, { x1: 'x1', x2: 'x2', y: 'row', fill: 'var(--band)', inset: 0.5, title: 'title' }),
      Plot.text(bands, { x: (band) => (band.x1 + band.x2) / 2, y: 'row', text: 'text', fill: 'var(--ink)' }),
      Plot.barX(checks, { x1: 'x1', x2: 'x2', y: 'row', fill: 'var(--check)', title: 'title' }),
      Plot.barX(tasks, {
        x1: 'x1',
        x2: 'x2',
        y: 'row',
        fill: 'colour',
        title: 'title',
        stroke: 'var(--paper)',
        strokeWidth: 0.5,
      }),
      Plot.barX(away, { x1: 'x1', x2: 'x2', y: 'row', fill: 'var(--away)', title: 'title' }),
      Plot.text(away, { x: 'x2', y: 'row', text: 'text', textAnchor: 'start', dx: 6, fill: 'var(--ink)' }),
    ],
  },
  table: stepTable(plan, story),
})}
${notableEvents(plan, journal)}
</section>`
}

const place = (axis: TimeAxis, fromMs: number, untilMs: number) => ({ x1: axis.at(fromMs), x2: axis.at(untilMs) })

function bar(axis: TimeAxis, fromMs: number, untilMs: number) {
  const { x1, x2 } = place(axis, fromMs, untilMs)
  const least = (axis.length / (width - marginLeft)) * leastPixels
  return { x1, x2: Math.max(x2, x1 + least) }
}

/** The cluster first, then nodes as they first stand in the plan. */
function targetsOf(plan: Plan): string[] {
  const all = new Set(plan.steps.flatMap((step) => step.tasks.map(({ target }) => target)))
  return [...(all.has(CLUSTER) ? [CLUSTER] : []), ...[...all].filter((target) => target !== CLUSTER)]
}

interface Band {
  number: number
  title: string
  startMs: number
  endMs: number
}

/** Phases as they were gone through, and the ways back. */
function phaseBands(plan: Plan, story: RunStory, journal: ReportData['journal']): Band[] {
  const titles = new Map(plan.steps.map(({ phaseId, phaseTitle }) => [phaseId, phaseTitle]))
  const bands: (Band & { phaseId: string })[] = []
  for (const { phaseId, startMs, endMs } of story.steps) {
    const last = bands.at(-1)
    if (last?.phaseId === phaseId) last.endMs = endMs
    else bands.push({ phaseId, number: bands.length + 1, title: titles.get(phaseId) ?? phaseId, startMs, endMs })
  }
  const starts = journal.filter(({ kind }) => kind === 'rollback-started')
  const back = starts.map(({ time, seq }) => {
    const over = journal.find((entry) => entry.seq > seq && entry.kind === 'rollback-finished')
    return {
      title: 'Going back',
      startMs: Date.parse(time),
      endMs: over === undefined ? story.untilMs : Date.parse(over.time),
    }
  })
  return [...bands, ...back]
    .toSorted((a, b) => a.startMs - b.startMs)
    .map(({ title, startMs, endMs }, index) => ({ number: index + 1, title, startMs, endMs }))
}

const pauseText = ({ fromMs, untilMs, reason }: Pause) =>
  shownText(
    `${reason ?? 'killed, or lost its machine: nothing was said any more'}; resumed after ${duration(untilMs - fromMs)}`,
  )

type Away = Interruption & { what: string }

const awayText = ({ what, startMs, endMs, wayBack }: Away) =>
  shownText(`${what}: ${endMs === null ? 'not over' : duration(endMs - startMs)}${wayBack ? ', going back' : ''}`)

function storyText(story: RunStory, targets: readonly string[], lasted: readonly Away[]): string {
  const count = (end: TaskEnd) => story.tasks.filter((task) => task.end === end).length
  const failed = count('failed') + count('undo-failed')
  const killed = story.pauses.filter(({ reason }) => reason === null).length
  return [
    `${story.tasks.length} changes on ${targets.length} targets in ${duration(story.untilMs - story.fromMs)}.`,
    failed > 0 ? `${failed} failed.` : 'None failed.',
    count('undone') > 0 ? `${count('undone')} were undone.` : '',
    killed > 0 ? `The operator's side was killed ${times(killed)} and resumed.` : '',
    ...lasted.map((one) => `Interrupted: ${awayText(one)}.`),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`)

function stepTable(plan: Plan, story: RunStory): Markup {
  const stepOf = new Map(plan.steps.map((step, index) => [step.stepId, { ...step, number: index + 1 }]))
  const steps = story.steps.map((one) => {
    const step = stepOf.get(one.stepId)
    const tasks = story.tasks.filter(
      ({ stepId, startMs }) => stepId === one.stepId && startMs >= one.startMs && startMs <= one.endMs,
    )
    const doubt = tasks.some(({ end }) => end === 'in-doubt') ? ', a task in doubt' : ''
    const end = one.end === 'open' ? `came to no checkpoint${doubt}` : one.end
    return {
      startMs: one.startMs,
      cells: [step?.number ?? '', step?.title ?? one.stepId, tasks.map(({ target }) => target).join(' ')],
      endMs: one.endMs,
      end,
    }
  })
  const undone = story.tasks
    .filter(({ end }) => end === 'undone' || end === 'undo-failed')
    .map((task) => {
      const step = stepOf.get(task.stepId)
      return {
        startMs: task.startMs,
        cells: [step?.number ?? '', `Undoing: ${step?.title ?? task.stepId}`, task.target],
        endMs: task.endMs,
        end: ends[task.end].name,
      }
    })
  return htmlTable(
    'Steps in the order in which they were begun',
    [
      { title: '', isNumber: true },
      { title: 'Step' },
      { title: 'On' },
      { title: 'Begun (UTC)', isNumber: true },
      { title: 'Since start', isNumber: true },
      { title: 'Took', isNumber: true },
      { title: 'Ended' },
    ],
    [...steps, ...undone]
      .toSorted((a, b) => a.startMs - b.startMs)
      .map(({ startMs, cells, endMs, end }) => [
        ...cells,
        clockTime(startMs),
        since(startMs, story.fromMs),
        duration(endMs - startMs),
        end,
      ]),
  )
}
