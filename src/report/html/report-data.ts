import type { Diagnoses } from '../../diagnosis/diagnose.ts'
import type { Plan } from '../../engine/model.ts'
import type { JournalEntry } from '../../engine/records.ts'
import type { Facts } from '../../facts/facts.ts'
import type { PeriodsCompared } from '../../probes/compare-periods.ts'
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
  /** Those that were interrupted before the run too. */
  beforehand: readonly string[]
  /** Newest evidence that was over before the run began, and newest that was gathered after its end. */
  baseline: Measured | null
  verification: Measured | null
  /** The two compared, where both are there. */
  comparison: PeriodsCompared | null
}

/** Evidence, the file it stands in, and what it means. */
export interface Measured extends Diagnoses {
  file: string
  evidence: Evidence
}
