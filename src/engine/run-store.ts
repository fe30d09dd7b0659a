import type { JournalStore } from './journal.ts'
import type { PlanFile } from './plan-file.ts'
import type { RecordFiles } from './run-context.ts'
import type { RunState } from './state.ts'

/** One run's folder: `runs/<id>/`. */
export interface RunFiles {
  readonly runId: string
  readonly dir: string
  /** `backups/`, with a folder a node. */
  readonly backupsDir: string
  /** `log/` */
  readonly logDir: string
  readonly journal: JournalStore
  readonly records: RecordFiles
  /** The plan this run executes, as it was when the run was created. */
  plan(): Promise<PlanFile>
}

export interface RunSummary {
  runId: string
  dir: string
  state: RunState
}

/** `.migrate/<cluster>/`: folders 0700, files 0600, refused when others can write to them. */
export interface RunStore {
  readonly root: string
  /** Path of the local lock. */
  readonly lockFile: string
  /** To `plans/<plan id>.json`; its path. */
  savePlan(content: PlanFile): Promise<string>
  /** InputError when there is such a run already. */
  createRun(runId: string, content: PlanFile): Promise<RunFiles>
  /** InputError, naming the runs there are, when there is none of that id. */
  openRun(runId: string): Promise<RunFiles>
  /** Newest first. */
  runs(): Promise<readonly RunSummary[]>
  /** The newest run that neither finished nor was wholly rolled back. */
  newestUnfinished(): Promise<RunSummary | null>
}

/** Makes `<stateDir>/<cluster>/` when it is not there. */
export declare function openRunStore(stateDir: string, cluster: string): Promise<RunStore>
