import type { ChangeStep, GateStep, Phase, RecordStep } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { World } from '../../src/operations/world.ts'

export type Change = ChangeStep<Facts, World>
export type Gate = GateStep<Facts>
export type Recording = RecordStep<Facts>

/** Judged when planning, which is what `migrate preflight` shows, and again just before the first change. */
export const preflightGate = (
  id: string,
  title: string,
  why: string,
  reads: Gate['reads'],
  check: Gate['check'],
): Gate => ({ kind: 'gate', id, title, why, reads, check, timeoutMs: minutes(1), preflight: true })

export const all = (facts: Facts): string[] => Object.keys(facts.nodes)
export const phase = (
  id: string,
  title: string,
  steps: readonly (Change | Gate | Recording)[],
): Phase<Facts, World> => ({
  id,
  title,
  steps,
})

export const minutes = (count: number): number => count * 60_000
