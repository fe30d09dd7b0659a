import type { Finding, Plan, PlannedStep, Target } from './model.ts'
import type { Moved, StepAnswer } from './operator.ts'

/** What a renderer is told, in order. Plain data: `--json` prints one a line. Nothing depends on its being heard. */
export type EngineEvent =
  | { kind: 'run-started'; runId: string; plan: Plan; resumed: boolean }
  | { kind: 'lock-taken'; places: readonly string[]; unasked: readonly string[]; tookOver: boolean }
  /** The journal's last line was being written when the machine stopped; it was cut off and kept beside it. */
  | { kind: 'journal-mended'; line: number; asideName: string }
  | { kind: 'step-asked'; step: PlannedStep }
  | { kind: 'step-answered'; stepId: string; answer: StepAnswer }
  | { kind: 'step-started'; step: PlannedStep }
  | { kind: 'step-skipped'; stepId: string }
  /** Found unfinished by a resume: it is looked at before anything is done. */
  | { kind: 'task-in-doubt'; stepId: string; target: Target }
  | { kind: 'task-started'; stepId: string; target: Target; taskId: string; summary: string; timeoutMs: number }
  | { kind: 'task-said'; stepId: string; target: Target; message: string }
  | { kind: 'task-noted'; stepId: string; target: Target; message: string }
  | { kind: 'task-done'; stepId: string; target: Target; durationMs: number }
  | { kind: 'task-found-done'; stepId: string; target: Target }
  | { kind: 'task-failed'; stepId: string; target: Target; error: string; inDoubt: boolean }
  | { kind: 'drift'; stepId: string; target: Target; moved: readonly Moved[] }
  | { kind: 'gate-waiting'; stepId: string; remainingMs: number; findings: readonly Finding[] }
  | { kind: 'gate-passed'; stepId: string; findings: readonly Finding[] }
  | { kind: 'recorded'; stepId: string; name: string; file: string }
  | { kind: 'checkpoint'; stepId: string }
  | {
      kind: 'rollback-started'
      runId: string
      to: string | null
      steps: readonly { stepId: string; targets: Target[] }[]
    }
  | { kind: 'undo-started'; stepId: string; target: Target; taskId: string; how: string; timeoutMs: number }
  | { kind: 'undo-done'; stepId: string; target: Target; durationMs: number }
  | { kind: 'undo-failed'; stepId: string; target: Target; error: string; inDoubt: boolean }
  | { kind: 'rollback-finished'; to: string | null }
  /** The task in hand is being finished; a second Ctrl-C lets go of it. */
  | { kind: 'stop-requested' }
  | { kind: 'stopped'; reason: string }
  | { kind: 'run-finished' }

export type Emit = (event: EngineEvent) => void
