import { setMaxListeners } from 'node:events'
import { foldState } from '../engine/fold.ts'
import { processInterrupts } from '../engine/interrupts.ts'
import { readJournal } from '../engine/journal.ts'
import type { Plan } from '../engine/model.ts'
import type { PlanFile } from '../engine/plan-file.ts'
import type { RunContext } from '../engine/run-context.ts'
import type { RunFiles } from '../engine/run-store.ts'
import type { Facts } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { World } from '../operations/world.ts'
import type { Attempt } from '../probes/attempts.ts'
import { outagesOf } from '../probes/outage.ts'
import { podOutages } from '../probes/pod-outages.ts'
import { interruptedBeforehand } from '../report/interrupted-beforehand.ts'
import { jsonRenderer } from '../report/json-renderer.ts'
import { liveRenderer } from '../report/live-renderer.ts'
import { outageTable } from '../report/outage-table.ts'
import { plainRenderer } from '../report/plain-renderer.ts'
import { podOutageTable } from '../report/pod-outage-table.ts'
import { guidedOperator, unattendedOperator } from '../report/prompts.ts'
import type { Renderer } from '../report/renderer.ts'
import { stepOutages } from '../report/step-outages.ts'
import { printedJson } from '../visible.ts'
import type { DriveFlags } from './asking.ts'
import { baselineBefore, keptEvidence, recorded } from './kept-evidence.ts'
import type { CommonOptions } from './options.ts'
import { openRun } from './session.ts'
import { promptAsk, type Terminal } from './terminal.ts'

/** Opens a run, shows it while `work` goes on, listens for Ctrl-C, and closes everything whatever happens. */
export async function drive<Result>(
  inventory: Inventory,
  { json, terminal }: CommonOptions,
  { yes, breakLock }: DriveFlags,
  run: RunFiles,
  file: PlanFile,
  work: (context: RunContext<Facts, World>) => Promise<Result>,
): Promise<Result> {
  using interrupts = processInterrupts(process)
  // Every task in hand listens to these.
  setMaxListeners(0, interrupts.stop, interrupts.abort)
  const renderer = rendererFor(json, terminal)
  try {
    const operator = yes ? unattendedOperator : guided(file.plan, renderer, interrupts.stop, terminal)
    await using opened = await openRun(inventory, terminal, run, file, {
      emit: renderer.handle,
      operator,
      interrupts,
      ...(breakLock === undefined ? {} : { breakNonce: breakLock }),
    })
    const result = await work(opened.context)
    await renderer.close()
    await showOutages(inventory, file.plan, run, await opened.attempts(), json, terminal)
    return result
  } finally {
    await renderer.close()
  }
}

function guided(plan: Plan, renderer: Renderer, stop: AbortSignal, text: Terminal) {
  const write = (part: string) => process.stdout.write(part)
  return guidedOperator({ ask: promptAsk(stop), write, renderer, plan, text })
}

function rendererFor(json: boolean, terminal: Terminal): Renderer {
  const write = (text: string) => process.stdout.write(text)
  if (json) return jsonRenderer(write, Date.now)
  return terminal.live ? liveRenderer(process.stdout, Date.now) : plainRenderer(write, Date.now)
}

/** Announced beside measured, at the end of a run or rollback in which something was interrupted. */
async function showOutages(
  inventory: Inventory,
  plan: Plan,
  run: RunFiles,
  attempts: readonly Attempt[],
  json: boolean,
  { width }: Terminal,
) {
  const journal = await readJournal(run.journal)
  const baseline = baselineBefore(await keptEvidence(inventory), Date.parse(journal[0]?.time ?? ''))
  const before = await recorded(run, foldState(journal), 'before')
  const beforehand = interruptedBeforehand(before, baseline?.evidence ?? null)
  const pairs = outagesOf(attempts)
  const outages = stepOutages(plan, journal, pairs, beforehand)
  const pods = podOutages(pairs)
  if (outages.every(({ lasted, pairs }) => pairs === null && (lasted === null || lasted.length === 0))) return
  const text = json
    ? printedJson({ kind: 'outages', outages, pods }).trimEnd()
    : [...outageTable(outages, width), ...podOutageTable(pods, width)].join('\n')
  if (text !== '') process.stdout.write(`${text}\n`)
}
