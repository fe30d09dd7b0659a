import { chmod, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '../errors.ts'
import { sha256 } from './digest.ts'
import { makeFolder, refuseWritableByOthers, writeDurably } from './durable-file.ts'
import { foldState } from './fold.ts'
import { type JournalStore, readJournal } from './journal.ts'
import { journalFile } from './journal-file.ts'
import type { Json } from './model.ts'
import { type PlanFile, readPlanFile, writePlanFile } from './plan-file.ts'
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
  /** The plan this run executes, as it was when the run was created (`plan.json`). */
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
  /** Those that have begun, newest first. */
  runs(): Promise<readonly RunSummary[]>
  /** The newest run that neither finished nor was wholly rolled back, and that no later one has put an end to. */
  newestUnfinished(): Promise<RunSummary | null>
}

/** Makes `<stateDir>/<cluster>/` when it is not there. */
export async function openRunStore(stateDir: string, cluster: string): Promise<RunStore> {
  const root = join(stateDir, checkName('cluster', cluster))
  const runsDir = join(root, 'runs')
  const plansDir = join(root, 'plans')
  await makeFolder(stateDir)
  await refuseWritableByOthers(stateDir)
  for (const folder of [root, runsDir, plansDir]) await ownFolder(folder)

  const openRun = async (runId: string): Promise<RunFiles> => {
    const dir = join(runsDir, checkName('run', runId))
    if ((await stat(dir).catch(() => null)) === null) {
      const known = (await readdir(runsDir)).toSorted()
      const next = known.length === 0 ? 'no run was begun yet: migrate run' : `runs there are: ${known.join(', ')}`
      throw new InputError(`there is no run ${runId} in ${runsDir}`, { next })
    }
    return runFiles(runId, dir)
  }

  const runs = async (): Promise<readonly RunSummary[]> => {
    const found: RunSummary[] = []
    for (const runId of await readdir(runsDir)) {
      const { dir, journal } = await openRun(runId)
      const state = foldState(await readJournal(journal))
      if (state.runId !== null) found.push({ runId, dir, state })
    }
    // One whose lock another has broken is over: nothing of it is carried on beside what came after it.
    const over = new Set(found.flatMap(({ runId, state }) => [...state.brokenRuns].filter((other) => other !== runId)))
    for (const run of found)
      if (over.has(run.runId) && run.state.finished === null) run.state = { ...run.state, next: [] }
    const startedAt = ({ state }: RunSummary): string => state.startedAt ?? ''
    return found.toSorted((a, b) => startedAt(b).localeCompare(startedAt(a)))
  }

  return {
    root,
    lockFile: join(root, 'lock'),
    async savePlan(content) {
      const path = join(plansDir, `${checkName('plan', content.plan.id)}.json`)
      await writePlanFile(path, content)
      return path
    },
    async createRun(runId, content) {
      const dir = join(runsDir, checkName('run', runId))
      if ((await stat(dir).catch(() => null)) !== null) throw new InputError(`run ${runId} is there already: ${dir}`)
      await makeFolder(dir)
      const files = await runFiles(runId, dir)
      await writePlanFile(join(dir, 'plan.json'), content)
      return files
    },
    openRun,
    runs,
    newestUnfinished: async () => (await runs()).find(({ state }) => state.next.includes('resume')) ?? null,
  }
}

async function runFiles(runId: string, dir: string): Promise<RunFiles> {
  const backupsDir = join(dir, 'backups')
  const logDir = join(dir, 'log')
  const recordsDir = join(dir, 'records')
  for (const folder of [dir, backupsDir, logDir, recordsDir]) await ownFolder(folder)
  return {
    ...{ runId, dir, backupsDir, logDir },
    journal: journalFile(join(dir, 'journal.jsonl')),
    records: recordFiles(dir),
    plan: () => readPlanFile(join(dir, 'plan.json')),
  }
}

function recordFiles(dir: string): RecordFiles {
  return {
    async save(name, content) {
      const file = join('records', `${checkName('record', name)}.json`)
      const text = `${JSON.stringify(content)}\n`
      await writeDurably(join(dir, file), text)
      return { file, sha256: sha256(text) }
    },
    async load(file, digest) {
      const path = join(dir, file)
      const text = await readFile(path, 'utf8').catch((cause: unknown) => {
        throw new InputError(`${path} cannot be read, and the run needs it`, {}, cause)
      })
      if (sha256(text) !== digest) {
        throw new InputError(`${path} was changed after it was written`, { next: 'restore it from a copy' })
      }
      return JSON.parse(text) as Json
    },
  }
}

/** A folder of the operator's own, 0700. One that others could read but not write is closed to them. */
async function ownFolder(path: string): Promise<void> {
  await makeFolder(path)
  await refuseWritableByOthers(path)
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) await chmod(path, 0o700)
}

/** Names become parts of paths: one plain component each. */
function checkName(what: string, name: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,127}$/.test(name)) return name
  throw new InputError(`${what} "${name}": expected letters, digits, ".", "_" and "-", starting with a letter or digit`)
}
