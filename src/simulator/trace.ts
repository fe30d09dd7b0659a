import type { JournalEntry } from '../engine/records.ts'
import type { FaultKind } from './faults.ts'

/** What happened, in order: what the promises are judged by. */
export type TraceEntry =
  | { kind: 'fault'; fault: FaultKind; instant: number; on: string }
  /** A process of the operator's side begins or ends. */
  | { kind: 'process'; process: number; operator: string; event: 'begins' | 'killed' | 'ended'; how: string }
  /** A record of the first operator's journal is on the disk for good. */
  | { kind: 'synced'; process: number; record: JournalEntry }
  | { kind: 'file'; process: number; path: string }
  /** A command or request leaves the operator's side. */
  | { kind: 'sent'; process: number; to: string; what: string; mode: 'read' | 'write'; words: readonly string[] }
  /** A command that writes was carried out. `foreign`: what of somebody else's is not as it was; null: all is. */
  | { kind: 'wrote'; node: string; what: string; foreign: string | null; voting: { before: string[]; after: string[] } }
  | { kind: 'lock'; process: number; place: string; event: 'taken' | 'released' }

/** What the first operator's processes did and what the world did; the second has a journal of its own. */
export function ofFirstOperator(trace: readonly TraceEntry[]): TraceEntry[] {
  const others = new Set(
    trace.flatMap((entry) => (entry.kind === 'process' && entry.operator !== 'alice' ? [entry.process] : [])),
  )
  return trace.filter((entry) => !('process' in entry && others.has(entry.process)))
}
