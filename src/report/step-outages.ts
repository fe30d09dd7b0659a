import type { Plan } from '../engine/model.ts'
import type { JournalEntry } from '../engine/records.ts'
import type { PairOutages } from '../probes/outage.ts'
import { interruptions } from './journal-outage.ts'
import { type StepOutage, toTheApi } from './outage-table.ts'
import { isEffective } from './plan-summary.ts'

/** The name under which an interruption that began while a step was undone stands in the table. */
const undoing = (stepId: string) => `undoing ${stepId}`

/**
 * Puts what was measured beside what was announced: an interruption belongs to the step during which it began, or during
 * whose undoing; connections to the API that fail while it is away by announcement belong to the step that announced it.
 * Steps that announced none but in which one began stand in the list too, and those that were undone after all others.
 * Nothing measured at all: `pairs` is null everywhere.
 * @param beforehand pairs that were interrupted before the run too: theirs may be no step's doing
 */
export function stepOutages(
  plan: Plan,
  journal: readonly JournalEntry[],
  pairs: readonly PairOutages[],
  beforehand: readonly string[],
): StepOutage[] {
  const starts = journal.flatMap((entry) => {
    if (entry.kind === 'step-started') return [{ name: entry.stepId, atMs: Date.parse(entry.time) }]
    return entry.kind === 'undo-intent' ? [{ name: undoing(entry.stepId), atMs: Date.parse(entry.time) }] : []
  })
  const nameAt = (atMs: number) => starts.findLast((start) => start.atMs <= atMs)?.name ?? null
  const away = plan.steps.flatMap(({ stepId, outage }) =>
    outage?.lasts === undefined ? [] : interruptions(stepId, outage.lasts, journal).map((one) => ({ stepId, ...one })),
  )
  const awayAt = (atMs: number) =>
    away.find(({ startMs, endMs }) => startMs <= atMs && (endMs === null || atMs <= endMs))?.stepId ?? null
  const measured = pairs.flatMap(({ id, outages }) =>
    outages.map(({ startMs, lengthMs }) => {
      const name = (toTheApi.test(id) ? awayAt(startMs) : null) ?? nameAt(startMs)
      return { name, pair: id, ms: lengthMs, beforehand: beforehand.includes(id) }
    }),
  )
  const pairsOf = (name: string) =>
    pairs.length === 0 ? null : measured.filter((one) => one.name === name).map(({ name: _, ...one }) => one)

  const forward = plan.steps.flatMap((step): StepOutage[] => {
    const own = pairsOf(step.stepId)
    const announced = isEffective(step) ? step.outage : undefined
    if (announced === undefined)
      return own === null || own.length === 0
        ? []
        : [{ stepId: step.stepId, what: 'nothing', expectedMs: 0, lasted: null, pairs: own }]
    const { what, expectedMs, lasts } = announced
    const row = { stepId: step.stepId, what, expectedMs, pairs: own }
    if (lasts === undefined) return [{ ...row, lasted: null }]
    return [{ ...row, lasted: interruptions(step.stepId, lasts, journal) }]
  })
  const backward = plan.steps.toReversed().flatMap((step): StepOutage[] => {
    const own = pairsOf(undoing(step.stepId))
    return own === null || own.length === 0
      ? []
      : [{ stepId: undoing(step.stepId), what: '', expectedMs: null, lasted: null, pairs: own }]
  })
  return [...forward, ...backward]
}
