import type { Plan } from '../engine/model.ts'
import type { JournalEntry } from '../engine/records.ts'
import type { PairOutages } from '../probes/outage.ts'
import type { StepOutage } from './outage-table.ts'
import { isEffective } from './plan-summary.ts'

/**
 * Puts what was measured beside what was announced: an interruption belongs to the step during which it began. Steps that
 * announced none but in which one began stand in the list too. Nothing measured at all: `measured` is null everywhere.
 */
export function stepOutages(plan: Plan, journal: readonly JournalEntry[], pairs: readonly PairOutages[]): StepOutage[] {
  const starts = journal.flatMap((entry) =>
    entry.kind === 'step-started' ? [{ stepId: entry.stepId, atMs: Date.parse(entry.time) }] : [],
  )
  const stepAt = (atMs: number) => starts.findLast((start) => start.atMs <= atMs)?.stepId ?? null
  const measured = pairs.flatMap(({ id, outages }) =>
    outages.map(({ startMs, lengthMs }) => ({ stepId: stepAt(startMs), pair: id, ms: lengthMs })),
  )
  return plan.steps.flatMap((step): StepOutage[] => {
    const own = measured.filter(({ stepId }) => stepId === step.stepId).map(({ pair, ms }) => ({ pair, ms }))
    const announced = step.outage !== undefined && isEffective(step)
    if (!announced && own.length === 0) return []
    const { what, expectedMs } = step.outage ?? { what: 'nothing', expectedMs: 0 }
    return [{ stepId: step.stepId, what, expectedMs, measured: pairs.length === 0 ? null : own }]
  })
}
