import { ofFirstOperator } from '../trace.ts'
import { type EnginePromise, isLocking } from './promise.ts'

/** The prober follows the pods wherever it runs: it is of the step that started it, whose intent is for the cluster. */
const isProbing = (what: string) => what.startsWith('[follow-targets]')

/** What verifies a task that was found done after a resume is guarded as well: under the intent that the task has. */
const isGuarding = (what: string) => /^\[(arm|renew|disarm|forget)-guard\]|^\[release-agent\]/.test(what)

/** P2. What writes goes to a target, or is of a step for the cluster, of which this process has an intent on the disk. */
export const writeAhead: EnginePromise = {
  id: 'P2',
  says: 'no node is touched without an fsynced intent',
  broken({ trace }) {
    const open = new Map<string, string>()
    const standing = new Map<number, string>()
    let isMeasured = false
    const broken: string[] = []
    for (const entry of ofFirstOperator(trace)) {
      // What another process had begun is in doubt: it is looked at, and begun anew.
      if (entry.kind === 'process' && entry.event === 'begins') open.clear()
      if (entry.kind === 'synced') {
        const { record } = entry
        if (record.kind === 'intent') open.set(`${record.seq}`, record.target)
        if (record.kind === 'intent') standing.set(record.seq, record.target)
        if (record.kind === 'undone') standing.delete(record.intent)
        if (record.kind === 'undo-intent') open.set(`undo ${record.intent}`, record.target)
        if (record.kind === 'done' || record.kind === 'failed') open.delete(`${record.intent}`)
        if (record.kind === 'undone' || record.kind === 'undo-failed') open.delete(`undo ${record.intent}`)
        if (record.kind === 'intent' && record.stepId === 'measure') isMeasured = true
      }
      if (entry.kind !== 'sent' || entry.mode !== 'write' || isLocking(entry.what)) continue
      if (isMeasured && isProbing(entry.what)) continue
      const targets = [...(isGuarding(entry.what) ? standing : open).values()]
      if (!targets.includes(entry.to) && !targets.includes('cluster')) broken.push(`${entry.what} on ${entry.to}`)
    }
    return broken
  },
}
