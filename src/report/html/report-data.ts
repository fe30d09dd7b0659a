import type { Diagnosis } from '../../diagnosis/diagnosis.ts'
import type { Plan } from '../../engine/model.ts'
import type { JournalEntry } from '../../engine/records.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Evidence } from '../../probes/evidence.ts'
import type { PairOutages } from '../../probes/outage.ts'

/** Everything that a report is made of. What was not measured is null or empty, and the report says so. */
export interface ReportData {
  toolVersion: string
  /** ISO time at which the report is made. */
  madeAt: string
  runId: string
  /** Folder of the run on the operator's machine. */
  runDir: string
  plan: Plan
  journal: readonly JournalEntry[]
  /** What the run recorded before its first change, and at its end. */
  before: Facts | null
  after: Facts | null
  /** Interruptions of the pairs that were probed while it ran. */
  pairs: readonly PairOutages[]
  /** Newest baseline that was over before the run began, and newest evidence that was taken after its end. */
  baseline: Measured | null
  verification: Measured | null
}

/** Evidence, and the file it stands in. */
export interface Measured {
  file: string
  evidence: Evidence
  /** What it means, and what would have been needed to tell more; null: nobody judged it. */
  judged: { diagnoses: readonly Diagnosis[]; notMeasured: readonly string[] } | null
}
