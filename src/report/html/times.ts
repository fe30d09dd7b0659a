import { duration } from '../duration.ts'

/** `2026-11-21 12:59:06` (UTC: a report is read elsewhere than where it was made). */
export function dateAndTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** `12:59:06` (UTC). */
export function clockTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19)
}

/** `+1 min 4 s` since the beginning. */
export function since(ms: number, fromMs: number): string {
  return `+${duration(Math.max(0, ms - fromMs))}`
}
