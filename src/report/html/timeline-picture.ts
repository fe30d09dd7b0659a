import * as Plot from '@observablehq/plot'
import type { Plan } from '../../engine/model.ts'
import { duration } from '../duration.ts'
import type { Interruption } from '../journal-outage.ts'
import type { RunStory, TaskEnd } from '../run-story.ts'
import { isNarrow, type Picture, shortened, shownText } from './figure.ts'
import { axisOf, pauseMarks, place, timeScale } from './run-axis.ts'

/** What was interrupted, and when. */
export type Away = Interruption & { what: string }

/** A phase as it was gone through, or a way back. */
export interface Band {
  number: number
  title: string
  startMs: number
  endMs: number
}

export interface Timeline {
  plan: Plan
  story: RunStory
  /** Rows: the cluster and the nodes. */
  targets: readonly string[]
  bands: readonly Band[]
  away: readonly Away[]
}

export const ends: Readonly<Record<TaskEnd, { name: string; colour: string }>> = {
  done: { name: 'done', colour: 'var(--done)' },
  'in-doubt': { name: 'in doubt', colour: 'var(--doubt)' },
  failed: { name: 'failed', colour: 'var(--bad)' },
  undone: { name: 'undone', colour: 'var(--undone)' },
  'undo-failed': { name: 'undoing failed', colour: 'var(--bad)' },
}

export const awayText = ({ what, startMs, endMs, wayBack }: Away) =>
  shownText(`${what}: ${endMs === null ? 'not over' : duration(endMs - startMs)}${wayBack ? ', going back' : ''}`)

const rowHeight = 30
/** Shorter than this and a bar would not be seen. */
const leastPixels = 2

/** Rows of bars over the time of the run: phases, checks, each target's changes, what was interrupted. */
export function timelinePicture({ plan, story, targets, bands, away }: Timeline, width: number): Picture {
  const axis = axisOf(story, width)
  const marginLeft = isNarrow(width) ? 76 : 96
  const marginRight = isNarrow(width) ? 14 : 30
  const msPerPixel = axis.length / (width - marginLeft - marginRight)
  const bar = (fromMs: number, untilMs: number) => {
    const { x1, x2 } = place(axis, fromMs, untilMs)
    return { x1, x2: Math.max(x2, x1 + leastPixels * msPerPixel) }
  }
  const stepOf = new Map(plan.steps.map((step) => [step.stepId, step]))
  const titleOf = (stepId: string) => stepOf.get(stepId)?.title ?? stepId

  const phases = bands.map((band) => {
    const { x1, x2 } = place(axis, band.startMs, band.endMs)
    const full = `${band.number} ${band.title}`
    const fits = (text: string) => (x2 - x1) / msPerPixel > text.length * 6.2 + 2
    const text = fits(full) ? full : fits(String(band.number)) ? String(band.number) : ''
    const title = shownText(`${full}: ${duration(band.endMs - band.startMs)}`)
    return { row: 'phases', x1, x2, middle: (x1 + x2) / 2, text: shownText(text), title }
  })
  const checks = story.steps
    .filter(({ stepId }) => stepOf.get(stepId)?.kind !== 'change')
    .map(({ stepId, startMs, endMs }) => ({
      row: 'checks',
      ...bar(startMs, endMs),
      title: shownText(`${titleOf(stepId)}: ${duration(endMs - startMs)}`),
    }))
  const tasks = story.tasks.map(({ stepId, target, end, startMs, endMs, error }) => ({
    row: target,
    ...bar(startMs, endMs),
    colour: ends[end].colour,
    title: shownText(
      `${target}: ${titleOf(stepId)}: ${ends[end].name}, ${duration(endMs - startMs)}${error === null ? '' : `: ${error}`}`,
    ),
  }))
  const interrupted = away.map((one) => ({
    row: 'outage',
    ...bar(one.startMs, one.endMs ?? story.untilMs),
    text: one.endMs === null ? 'not over' : duration(one.endMs - one.startMs),
    title: awayText(one),
  }))

  const rows = ['phases', 'checks', ...targets, ...(away.length > 0 ? ['outage'] : [])]
  const barOf = { x1: 'x1', x2: 'x2', y: 'row', title: 'title' }
  return {
    width,
    height: rows.length * rowHeight + 66,
    marginLeft,
    marginRight,
    marginTop: 26,
    marginBottom: 40,
    x: timeScale(axis),
    y: {
      type: 'band',
      domain: rows,
      label: null,
      tickSize: 0,
      tickFormat: (row: string) => shortened(row, marginLeft - 8),
      paddingInner: 0.3,
    },
    marks: [
      ...pauseMarks(axis, story.pauses),
      Plot.barX(phases, { ...barOf, fill: 'var(--band)', inset: 0.5 }),
      Plot.text(phases, { x: 'middle', y: 'row', text: 'text', fill: 'var(--ink)' }),
      Plot.barX(checks, { ...barOf, fill: 'var(--check)' }),
      Plot.barX(tasks, { ...barOf, fill: 'colour', stroke: 'var(--paper)', strokeWidth: 0.5 }),
      Plot.barX(interrupted, { ...barOf, fill: 'var(--away)' }),
      Plot.text(interrupted, { x: 'x2', y: 'row', text: 'text', textAnchor: 'start', dx: 6, fill: 'var(--ink)' }),
    ],
  }
}
