import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import type { Interruption } from './journal-outage.ts'
import { table } from './table.ts'

/** What was interrupted while one step ran. */
export interface StepOutage {
  /** The step, or `undoing STEP`. */
  stepId: string
  /** What was announced to be interrupted. */
  what: string
  /** null: nothing is announced of the way back. */
  expectedMs: number | null
  /** How long that lasted by the journal; null: the announcement is about connections between pods. */
  lasted: readonly Interruption[] | null
  /** How long each pair of pods was cut off, and whether that happened before the run too; null: it was not measured. */
  pairs: readonly { pair: string; ms: number; beforehand: boolean }[] | null
}

/** A pair whose destination is the control plane's own Service. */
export const toTheApi = />service:default\/kubernetes:\d+$/

/** While the control plane is away, connections to its own Service are expected to fail, and none between pods. */
export function expectedOf({ lasted, expectedMs }: StepOutage, pair: string): number | null {
  return lasted === null || toTheApi.test(pair) ? expectedMs : 0
}

/** Expected beside measured, step by step and pair by pair; the pairs beyond `maxPairs` are counted, not listed. */
export function outageTable(outages: readonly StepOutage[], width: number, maxPairs = 5): string[] {
  const rows = outages.flatMap((outage) => {
    const first = [
      visible(outage.stepId),
      visible(outage.what),
      outage.expectedMs === null ? '' : duration(outage.expectedMs),
    ]
    // As many lines as the longer of the two columns has.
    const lasted = lastedCells(outage)
    const pairs = pairCells(outage, maxPairs)
    return Array.from({ length: Math.max(1, lasted.length, pairs.length) }, (_, index) => [
      ...(index === 0 ? first : ['', '', '']),
      lasted[index] ?? '',
      ...(pairs[index] ?? ['', '']),
    ])
  })
  if (rows.length === 0) return []
  return table([['step', 'announced', 'expected', 'lasted', 'between pods', 'pair'], ...rows], width)
}

function lastedCells({ lasted, expectedMs }: StepOutage): string[] {
  return (lasted ?? []).map(({ startMs, endMs, wayBack }) => {
    const how = endMs === null ? 'not over' : withMark(endMs - startMs, expectedMs)
    return wayBack ? `${how}, going back` : how
  })
}

function pairCells(outage: StepOutage, maxPairs: number): string[][] {
  const { pairs } = outage
  if (pairs === null) return [['not measured', '']]
  const longest = [...pairs].sort((a, b) => b.ms - a.ms)
  if (longest.length === 0) return [['none seen', '']]
  const listed = longest
    .slice(0, maxPairs)
    .map(({ pair, ms, beforehand }) => [withMark(ms, expectedOf(outage, pair), beforehand), visible(pair)])
  const rest = longest.length - listed.length
  return rest > 0 ? [...listed, [`and ${rest} more, none longer`, '']] : listed
}

/** What is to be said of an interruption of this length. */
export const remarksOn = (ms: number, expectedMs: number | null, beforehand: boolean): string[] => [
  ...(expectedMs !== null && ms > expectedMs ? ['longer than expected'] : []),
  ...(beforehand ? ['was interrupted before the run too'] : []),
]

function withMark(ms: number, expectedMs: number | null, beforehand = false): string {
  const remarks = remarksOn(ms, expectedMs, beforehand)
  return remarks.length === 0 ? duration(ms) : `${duration(ms)} (${remarks.join('; ')})`
}
