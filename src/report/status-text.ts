import type { LockOwner } from '../engine/lock.ts'
import type { Plan } from '../engine/model.ts'
import type { RollbackStep } from '../engine/rollback.ts'
import type { RunSummary } from '../engine/run-store.ts'
import type { RunState } from '../engine/state.ts'
import { visible } from '../visible.ts'
import { undoText } from './plan-summary.ts'
import { table } from './table.ts'

/** Where a run stands, in a few words. */
export function standing(state: RunState): string {
  if (state.finished === 'done') return 'finished'
  if (state.finished === 'rolled-back') return 'rolled back'
  const inDoubt = [...state.steps.values()].flatMap(({ tasks }) =>
    [...tasks.values()].filter(({ status }) => status === 'in-doubt' || status === 'undo-in-doubt'),
  )
  const doubt = inDoubt.length === 0 ? '' : `, ${inDoubt.length} of its tasks in doubt (a resume looks at them first)`
  const why = state.stopped === null ? '' : `: ${state.stopped}`
  return `${state.direction === 'rollback' ? 'being rolled back' : 'unfinished'}${doubt}${why}`
}

/** All runs of a cluster, newest first; the checkpoints of those that can be gone back in; who holds the lock. */
export function statusText(
  cluster: string,
  runs: readonly RunSummary[],
  lock: LockOwner | null,
  width: number,
): string {
  if (runs.length === 0) {
    const none = `No run of ${visible(cluster)} yet. Next: migrate plan, then migrate run`
    return `${[none, ...lockText(lock)].join('\n')}\n`
  }
  const rows = runs.map(({ runId, state }) => [
    visible(runId),
    visible(state.startedAt ?? ''),
    visible(standing(state)),
    visible(state.checkpoints.at(-1) ?? 'none'),
    state.next.map((command) => `migrate ${command}`).join(', ') || '-',
  ])
  const lines = table([['run', 'begun', 'stands', 'last checkpoint', 'next'], ...rows], width)
  const newest = runs.find(({ state }) => state.next.includes('rollback'))
  if (newest !== undefined && newest.state.checkpoints.length > 0) {
    lines.push('', `Checkpoints of ${visible(newest.runId)} for migrate rollback --to:`)
    lines.push(...newest.state.checkpoints.map((stepId) => `  ${visible(stepId)}`))
  }
  if (newest !== undefined && newest.state.notes.length > 0) {
    lines.push('', `What happened besides in ${visible(newest.runId)}:`)
    lines.push(...newest.state.notes.map(({ time, message }) => `  ${visible(`${time} ${message}`)}`))
  }
  return `${[...lines, ...lockText(lock)].join('\n')}\n`
}

function lockText(lock: LockOwner | null): string[] {
  if (lock === null) return []
  const { user, host, pid, since, runId, nonce } = lock
  return ['', visible(`Locked by ${user}@${host} (process ${pid}) since ${since} for run ${runId}, nonce ${nonce}`)]
}

/** What a rollback is about to undo, in its order. */
export function rollbackText(runId: string, plan: Plan, steps: readonly RollbackStep[], to: string | null): string {
  const goal = to === null ? 'wholly' : `back to ${to}`
  if (steps.length === 0) return visible(`Rolling back run ${runId} ${goal}: nothing is left to undo.`).concat('\n')
  const lines = steps.flatMap(({ stepId, intents }) => {
    const undo = plan.steps.find((step) => step.stepId === stepId)?.undo
    const how = undo === undefined ? '' : undoText(undo)
    const targets = [...new Set(intents.map(({ target }) => target))].join(' ')
    return [visible(`  ${stepId} on ${targets}: ${how}`)]
  })
  return `${visible(`Rolling back run ${runId} ${goal} undoes, in this order:`)}\n${lines.join('\n')}\n`
}
