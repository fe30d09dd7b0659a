import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { diagnose } from '../diagnosis/diagnose.ts'
import { writeDurably } from '../engine/durable-file.ts'
import { foldState } from '../engine/fold.ts'
import { readJournal } from '../engine/journal.ts'
import { openRunStore, type RunFiles, type RunStore, type RunSummary } from '../engine/run-store.ts'
import { InputError } from '../errors.ts'
import type { Inventory } from '../inventory/schema.ts'
import { comparePeriods } from '../probes/compare-periods.ts'
import { keptAttempts } from '../probes/kept-attempts.ts'
import { outagesOf } from '../probes/outage.ts'
import type { ReportData } from '../report/html/report-data.ts'
import { interruptedBeforehand } from '../report/interrupted-beforehand.ts'
import { printedJson, visible } from '../visible.ts'
import { writeAsked } from './asked-file.ts'
import { baselineBefore, keptEvidence, recorded } from './kept-evidence.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'
import { toolVersion } from './version.ts'

interface Flags {
  run?: string
  output?: string
}

export function reportCommand(): Command {
  return withCommonOptions(new Command('report'))
    .description('one HTML file about a run: opens offline, prints, asks nothing of any node')
    .option('--run <id>', 'the run (default: the newest; migrate status lists them)')
    .option('-o, --output <file>', "where to write it (default: report.html in the run's folder)")
    .action(async ({ run: runId, output }: Flags, command: Command) => {
      const options = commonOptions(command)
      const inventory = inventoryOf(options, false)
      const store = await openRunStore(inventory.stateDir, inventory.cluster.name)
      const run = await store.openRun(runId ?? (await newest(store)))
      const file = output === undefined ? join(run.dir, 'report.html') : resolve(output)
      // What draws the pictures is much code that no other command needs.
      const { reportPage } = await import('../report/html/page.ts')
      const page = reportPage(await read(inventory, store, run))
      await writeAsked(file, () => writeDurably(file, page))
      if (options.json) process.stdout.write(printedJson({ kind: 'report', runId: run.runId, file }))
      else process.stdout.write(`The report of run ${run.runId} is in ${visible(file)}\n`)
    })
}

async function newest(store: RunStore): Promise<string> {
  const [run] = await store.runs()
  if (run !== undefined) return run.runId
  throw new InputError(`there is no run in ${store.root} to report on`, { next: 'migrate plan, then migrate run' })
}

const startedMs = ({ state }: RunSummary) => Date.parse(state.startedAt ?? '')

async function read(inventory: Inventory, store: RunStore, run: RunFiles): Promise<ReportData> {
  const { plan } = await run.plan()
  const journal = await readJournal(run.journal)
  const state = foldState(journal)
  const { attempts } = await keptAttempts(join(run.dir, 'probe'))
  const [first, last] = [journal[0], journal.at(-1)]
  if (first === undefined || last === undefined) {
    throw new InputError(`run ${run.runId} was never begun: there is nothing to report`, {
      next: 'migrate status lists the runs that were',
    })
  }
  const [fromMs, untilMs] = [Date.parse(first.time), Date.parse(last.time)]
  const measured = (await keptEvidence(inventory)).map((one) => ({ ...one, ...diagnose(one.evidence) }))
  const nextMs = Math.min(...(await store.runs()).map(startedMs).filter((ms) => ms > untilMs))
  const baseline = baselineBefore(measured, fromMs)
  const before = await recorded(run, state, 'before')
  // What was gathered after another run began tells nothing of this one.
  const verification =
    measured.findLast(({ evidence }) => evidence.fromMs >= untilMs && evidence.untilMs <= nextMs) ?? null
  return {
    toolVersion: toolVersion(),
    madeAt: new Date().toISOString(),
    runId: run.runId,
    runDir: run.dir,
    plan,
    journal,
    before,
    after: await recorded(run, state, 'after'),
    pairs: outagesOf(attempts),
    beforehand: interruptedBeforehand(before, baseline?.evidence ?? null),
    baseline,
    verification,
    comparison: baseline && verification && comparePeriods(baseline.evidence, verification.evidence),
  }
}
