import type { Series } from '../evidence.ts'

export type SeriesAttempt = Series['attempts'][number]

/** Attempts that ended badly one after the other. */
export interface Burst {
  startMs: number
  /** Until the next good attempt began; where there was none, until the last bad one ended. */
  lengthMs: number
  attempts: number
  /** It had begun before the first attempt, or went on after the last: it was longer than was seen. */
  cut: boolean
}

export function burstsOf(attempts: readonly SeriesAttempt[], isBad: (attempt: SeriesAttempt) => boolean): Burst[] {
  const bursts: Burst[] = []
  let open: Burst | undefined
  for (const [index, attempt] of attempts.entries()) {
    const [atMs, durationMs] = attempt
    if (!isBad(attempt)) {
      if (open) open.lengthMs = atMs - open.startMs
      open = undefined
      continue
    }
    if (!open) {
      open = { startMs: atMs, lengthMs: 0, attempts: 0, cut: index === 0 }
      bursts.push(open)
    }
    open.attempts++
    open.lengthMs = atMs + durationMs - open.startMs
  }
  if (open) open.cut = true
  return bursts
}

export interface BurstSummary {
  bursts: number
  longestMs: number
  medianMs: number
  /** From the end of one to the start of the next. null: there are not two. */
  medianGapMs: number | null
}

export function summarizeBursts(bursts: readonly Burst[]): BurstSummary | null {
  if (bursts.length === 0) return null
  const lengths = bursts.map(({ lengthMs }) => lengthMs)
  const gaps = bursts.slice(1).map(({ startMs }, index) => {
    const before = bursts[index]
    return before ? startMs - before.startMs - before.lengthMs : 0
  })
  return {
    bursts: bursts.length,
    longestMs: Math.max(...lengths),
    medianMs: median(lengths),
    medianGapMs: gaps.length === 0 ? null : median(gaps),
  }
}

/** The middle one, or the lower of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}
