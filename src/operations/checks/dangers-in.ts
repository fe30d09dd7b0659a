import { z } from 'zod'
import type { Finding } from '../../engine/model.ts'
import { about } from './finding.ts'

/** A value of the chart that does harm, and when. */
export type Danger = readonly [path: string, level: 'blocks' | 'warns', wrong: (value: unknown) => boolean, why: string]

const tree = z.record(z.string(), z.unknown())

function at(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    const parsed = tree.safeParse(value)
    return parsed.success ? parsed.data[key] : undefined
  }, values)
}

/** Which of the dangers are set in these values of the chart. */
export function dangersIn(
  values: unknown,
  dangers: readonly Danger[],
  title: string,
  fix: (path: string) => string,
): Finding[] {
  return dangers.flatMap(([path, level, wrong, why]) => {
    const value = at(values, path)
    return value === undefined || !wrong(value)
      ? []
      : [about(title)[level](`${path}: ${JSON.stringify(value)} ${why}`, fix(path))]
  })
}
