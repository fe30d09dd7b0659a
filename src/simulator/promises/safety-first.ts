import { ofFirstOperator } from '../trace.ts'
import { type EnginePromise, isLocking } from './promise.ts'

/** Steps that make what undoing needs, and watch. They come before the first change. */
const isPreparing = (what: string) => /etcd-snapshot save|\[follow-targets\]|\[stop-probe\]|\[forget-probe\]/.test(what)

/** P1. Judged at the first command that changes something. */
export const safetyFirst: EnginePromise = {
  id: 'P1',
  says: 'before the first change the lock is held, pre-flight found no blocker, snapshot and backups are on disk',
  broken({ base, trace: all }) {
    const trace = ofFirstOperator(all)
    const first = trace.findIndex(
      (entry) => entry.kind === 'sent' && entry.mode === 'write' && !isLocking(entry.what) && !isPreparing(entry.what),
    )
    if (first < 0) return []
    const change = trace[first]
    if (change?.kind !== 'sent') return []
    const before = trace.slice(0, first)
    const { nodes } = base.run.inventory
    const held = new Map<string, boolean>()
    for (const entry of before) if (entry.kind === 'lock') held.set(entry.place, entry.event === 'taken')
    const files = new Set(before.flatMap((entry) => (entry.kind === 'file' ? [entry.path] : [])))
    const records = before.flatMap((entry) => (entry.kind === 'synced' ? [entry.record] : []))
    const gates = new Set(records.flatMap((record) => (record.kind === 'gate-passed' ? [record.stepId] : [])))
    const wanted = base.run.plan.steps.filter((step) => step.kind === 'gate' && step.phaseId === 'checks')
    const missing = [
      ...['lock', ...nodes.map(({ name }) => `node ${name}`)]
        .filter((place) => held.get(place) !== true)
        .map((place) => `the lock on ${place} is not held`),
      ...wanted.filter(({ stepId }) => !gates.has(stepId)).map(({ stepId }) => `gate ${stepId} was not passed`),
      ...nodes
        .filter(({ name }) => !files.has(`backups/${name}/ip-nft.rules`))
        .map(({ name }) => `there is no backup of ${name}`),
      ...([...files].some((path) => /^backups\/[^/]+\/snapshot\/cni-migrate-/.test(path))
        ? []
        : ['there is no snapshot']),
      ...([...files].some((path) => /^backups\/[^/]+\/snapshot\/token$/.test(path)) ? [] : ['there is no token']),
    ]
    return missing.map((what) => `${what} before ${change.what} on ${change.to}`)
  },
}
