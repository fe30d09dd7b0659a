import type { EnginePromise } from './promise.ts'

/** P11. A second operator comes at some time, and asks to be let in: only where nothing of a run is on the cluster may it be. */
export const oneOperator: EnginePromise = {
  id: 'P11',
  says: 'two operators cannot change one cluster at a time',
  broken({ trace }) {
    const broken: string[] = []
    let standing = 0
    const second = new Set<number>()
    for (const entry of trace) {
      if (entry.kind === 'process' && entry.operator === 'bob' && entry.event === 'begins') second.add(entry.process)
      if (entry.kind === 'synced' && !second.has(entry.process)) {
        if (entry.record.kind === 'intent') standing += 1
        if (entry.record.kind === 'undone') standing -= 1
        // A run that is over holds nothing any more.
        if (entry.record.kind === 'run-finished') standing = 0
        if (entry.record.kind === 'rollback-finished' && entry.record.to === null) standing = 0
      }
      if (entry.kind === 'process' && second.has(entry.process) && entry.how.startsWith('let in') && standing > 0)
        broken.push(`a second operator was let in while ${standing} changes of the first stood`)
      if (
        entry.kind === 'sent' &&
        second.has(entry.process) &&
        entry.mode === 'write' &&
        !/lock|"cni-migrate"/.test(entry.what)
      )
        broken.push(`a second operator sent ${entry.what} to ${entry.to}`)
    }
    return broken
  },
}
