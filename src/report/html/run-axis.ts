import * as Plot from '@observablehq/plot'
import { duration } from '../duration.ts'
import type { Pause, RunStory } from '../run-story.ts'
import { isNarrow, shownText } from './figure.ts'
import { type TimeAxis, timeAxis } from './time-axis.ts'

/** The time of a run across a picture: the same place for the same time in all pictures of one width and margins. */
export function axisOf(story: RunStory, width: number): TimeAxis {
  return timeAxis({ fromMs: story.fromMs, untilMs: story.untilMs }, story.pauses, isNarrow(width) ? 4 : 8)
}

/** Options of the scale for it. */
export function timeScale(axis: TimeAxis) {
  return {
    domain: [0, axis.length],
    ticks: axis.ticks.map(({ at }) => at),
    tickFormat: (at: number) => axis.ticks.find((tick) => tick.at === at)?.label ?? '',
    label: 'UTC',
    labelAnchor: 'right' as const,
    labelArrow: 'none' as const,
    labelOffset: 26,
  }
}

export const place = (axis: TimeAxis, fromMs: number, untilMs: number) => ({
  x1: axis.at(fromMs),
  x2: axis.at(untilMs),
})

/** Bands for the times in which nobody was at it, with what is known of them. */
export function pauseMarks(axis: TimeAxis, pauses: readonly Pause[]): Plot.Markish[] {
  const bands = pauses.map((pause) => ({
    ...place(axis, pause.fromMs, pause.untilMs),
    title: pauseText(pause),
    text: pause.reason === null ? 'killed' : 'stopped',
  }))
  return [
    Plot.rect(bands, { x1: 'x1', x2: 'x2', fill: 'var(--pause)', title: 'title' }),
    Plot.ruleX(bands, { x: 'x2', stroke: 'var(--ink)', strokeDasharray: '3 3' }),
    Plot.text(bands, { x: 'x1', text: 'text', frameAnchor: 'top', textAnchor: 'start', dy: -14, fill: 'var(--ink)' }),
  ]
}

function pauseText({ fromMs, untilMs, reason }: Pause): string {
  const why = reason ?? 'killed, or lost its machine: nothing was said any more'
  return shownText(`${why}; resumed after ${duration(untilMs - fromMs)}`)
}
