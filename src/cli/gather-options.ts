import type { Option } from 'commander'
import { durationOption } from './duration-option.ts'

export interface GatherFlags {
  /** In milliseconds, as `interval`. */
  duration: number
  interval: number
}

/** How long is watched, and how often a pair is tried. */
export function gatherOptions(defaultMs: number, defaultText: string): Option[] {
  return [
    durationOption('--duration <time>', 'how long to watch: 90s, 10m, 1h', 5_000, 4 * 3_600_000).default(
      defaultMs,
      defaultText,
    ),
    durationOption('--interval <time>', 'between two attempts of a pair', 200, 60_000).default(500, '500ms'),
  ]
}
