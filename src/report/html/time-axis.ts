/** Where points in time lie on a picture of a run. Times in which nobody was at it are cut short, so that the rest is seen. */
export interface TimeAxis {
  /** From 0 to `length`; times outside are put at the ends. */
  at(ms: number): number
  length: number
  /** The clock (UTC) under the axis. */
  ticks: readonly { at: number; label: string }[]
}

export interface Span {
  fromMs: number
  untilMs: number
}

/** Of the length of everything else: what is left of a pause that is cut short. */
const pauseShare = 0.04
/** Pauses shorter than this share of everything else are drawn as they are. */
const longPauseShare = 0.15
const seconds = 1000
const minutes = 60 * seconds
const hours = 60 * minutes
const stepsMs = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * seconds),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * minutes),
  ...[1, 2, 3, 6, 12, 24].map((count) => count * hours),
]

/**
 * @param pauses in order, not overlapping, within the whole
 * @param tickCount at most so many ticks
 */
export function timeAxis(whole: Span, pauses: readonly Span[], tickCount: number): TimeAxis {
  const lengthOf = ({ fromMs, untilMs }: Span) => untilMs - fromMs
  const active = Math.max(1000, lengthOf(whole) - pauses.reduce((sum, pause) => sum + lengthOf(pause), 0))
  const cut = pauses.filter((pause) => lengthOf(pause) > active * longPauseShare)
  const left = active * pauseShare

  const at = (ms: number): number => {
    const time = Math.min(Math.max(ms, whole.fromMs), whole.untilMs)
    const saved = cut.reduce((sum, pause) => {
      if (time <= pause.fromMs) return sum
      const within = Math.min(time, pause.untilMs) - pause.fromMs
      return sum + within - (within / lengthOf(pause)) * left
    }, 0)
    return time - whole.fromMs - saved
  }

  const length = Math.max(1000, at(whole.untilMs))
  const step = stepsMs.find((ms) => length / ms <= tickCount) ?? 24 * hours
  // A day's ticks at most are made one by one; longer runs lie between pauses that are cut.
  const candidates = spansBetween(whole, cut).flatMap(({ fromMs, untilMs }) => {
    const first = Math.ceil(fromMs / step) * step
    return Array.from(
      { length: Math.max(0, Math.floor((untilMs - first) / step) + 1) },
      (_, index) => first + index * step,
    )
  })
  const ticks: { at: number; label: string }[] = []
  for (const ms of candidates) {
    const place = at(ms)
    const last = ticks.at(-1)
    if (last === undefined || place - last.at >= length / (2 * tickCount))
      ticks.push({ at: place, label: clock(ms, step) })
  }
  return { at, length, ticks }
}

function spansBetween(whole: Span, cut: readonly Span[]): Span[] {
  const edges = [whole.fromMs, ...cut.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]), whole.untilMs]
  return Array.from({ length: edges.length / 2 }, (_, index) => ({
    fromMs: edges[2 * index] ?? whole.fromMs,
    untilMs: edges[2 * index + 1] ?? whole.untilMs,
  }))
}

const clock = (ms: number, stepMs: number) => new Date(ms).toISOString().slice(11, stepMs < minutes ? 19 : 16)
