import { duration } from './duration.ts'
import { visible } from './escape.ts'
import { table } from './table.ts'

/** What was interrupted while one step ran. */
export interface StepOutage {
  stepId: string
  what: string
  expectedMs: number
  /** How long each pair was cut off, longest first; null: it was not measured. */
  measured: readonly { pair: string; ms: number }[] | null
}

/** Expected beside measured, step by step and pair by pair; the pairs beyond `maxPairs` are counted, not listed. */
export function outageTable(outages: readonly StepOutage[], width: number, maxPairs = 5): string[] {
  const rows = outages.flatMap(({ stepId, what, expectedMs, measured }) => {
    const first = [visible(stepId), visible(what), duration(expectedMs)]
    if (measured === null) return [[...first, 'not measured', '']]
    const longest = [...measured].sort((a, b) => b.ms - a.ms)
    if (longest.length === 0) return [[...first, 'none seen', '']]
    const listed = longest
      .slice(0, maxPairs)
      .map(({ pair, ms }, index) => [
        ...(index === 0 ? first : ['', '', '']),
        `${duration(ms)}${ms > expectedMs ? ' (longer than expected)' : ''}`,
        visible(pair),
      ])
    const rest = longest.length - listed.length
    return rest > 0 ? [...listed, ['', '', '', `and ${rest} more, each shorter`, '']] : listed
  })
  if (rows.length === 0) return []
  return table([['step', 'announced', 'expected', 'between pods', 'pair'], ...rows], width)
}
