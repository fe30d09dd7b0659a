import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { migrate } from './migrate.ts'

/** The journal of the newest run; null: there is no run yet. */
export function journalFile(lab: Lab): string | null {
  const runs = join(lab.stateDir, '.migrate', lab.name, 'runs')
  const newest = existsSync(runs) ? readdirSync(runs).sort().at(-1) : undefined
  return newest === undefined ? null : join(runs, newest, 'journal.jsonl')
}

const linesOf = (lab: Lab): string[] => {
  const file = journalFile(lab)
  return file !== null && existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
}

/**
 * Runs `migrate`, to be killed when it is through with that step, and has something happen as soon as the step's first task is
 * begun or undone. Resolves when both have ended.
 */
export async function migrateWhile(lab: Lab, args: readonly string[], stepId: string, happen: () => Promise<unknown>) {
  const known = linesOf(lab).length
  const isBack = args[0] === 'rollback'
  const begun = isBack ? /"kind":"undo-intent".*"stepId":"STEP"/ : /"kind":"intent".*"stepId":"STEP"/
  const wanted = new RegExp(begun.source.replace('STEP', stepId))
  let over = false
  const running = migrate(lab, args, isBack ? `task.afterUndo:${stepId}` : `step.afterCheckpoint:${stepId}`).finally(
    () => {
      over = true
    },
  )
  await until({ waitingFor: () => `the step ${stepId}`, timeoutMs: 600_000, everyMs: 20 }, () =>
    over ||
    linesOf(lab)
      .slice(known - 1)
      .some((line) => wanted.test(line))
      ? true
      : undefined,
  )
  if (over) throw new Error(`migrate ended before the step ${stepId}:\n${JSON.stringify(await running)}`)
  await happen()
  return await running
}
