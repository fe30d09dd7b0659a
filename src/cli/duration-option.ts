import { InvalidArgumentError, Option } from 'commander'
import { duration } from '../report/duration.ts'

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `500ms`, `90s`, `10m`, `1h` or `1.5h` in milliseconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? []
  const unitMs = unitsMs[unit]
  return number === undefined || unitMs === undefined ? null : Math.round(Number(number) * unitMs)
}

/** An option that takes a length of time between two bounds; its value is in milliseconds. */
export function durationOption(flags: string, what: string, shortestMs: number, longestMs: number): Option {
  return new Option(flags, what).argParser((text) => {
    const ms = parseDuration(text)
    if (ms !== null && ms >= shortestMs && ms <= longestMs) return ms
    const range = `between ${duration(shortestMs)} and ${duration(longestMs)}`
    throw new InvalidArgumentError(`expected a length of time such as 90s, 10m or 1h, ${range}`)
  })
}
