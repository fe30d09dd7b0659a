import { duration } from '../duration.ts'

/** `2026-11-21 12:59:06` (UTC: a report is read elsewhere than where it was made). */
export function dateAndTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** `12:59:06` (UTC). */
export function clockTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19)
}

/** `2026-11-21 12:59:06 to 13:00:44`, with the second date only where it is another one. */
export function fromTo(fromMs: number, untilMs: number): string {
  return `${dateAndTime(fromMs)} to ${clockSince(untilMs, fromMs)}`
}

/** The clock (UTC), with the date where it is another one than at the beginning. */
export function clockSince(ms: number, fromMs: number): string {
  const [time, from] = [dateAndTime(ms), dateAndTime(fromMs)]
  return time.startsWith(from.slice(0, 10)) ? clockTime(ms) : time
}

/** `+1 min 4 s` since the beginning. */
export function since(ms: number, fromMs: number): string {
  return ms - fromMs < 1000 ? '+0 s' : `+${duration(ms - fromMs)}`
}
