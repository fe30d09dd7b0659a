import { ofFirstOperator } from '../trace.ts'
import type { EnginePromise } from './promise.ts'

/** Steps whose plan announces that the control plane goes away. */
const announced = new Set(['stop-servers', 'start-servers'])

/** P4. That the lifeboat is stopped last is of the same kind. */
export const quorumKept: EnginePromise = {
  id: 'P4',
  says: 'outside the announced outage no action takes etcd below its quorum; the lifeboat is stopped last',
  broken({ base, trace }) {
    const { nodes, lifeboat } = base.run.inventory
    const servers = nodes.filter(({ role }) => role === 'server').map(({ name }) => name)
    const quorum = Math.floor(servers.length / 2) + 1
    const open = new Map<string, string>()
    const broken: string[] = []
    for (const entry of ofFirstOperator(trace)) {
      if (entry.kind === 'synced' && (entry.record.kind === 'intent' || entry.record.kind === 'undo-intent'))
        open.set(entry.record.target, entry.record.stepId)
      if (
        entry.kind !== 'wrote' ||
        !servers.includes(entry.node) ||
        !/^systemctl (stop|restart --no-block) k3s/.test(entry.what)
      )
        continue
      const { before, after } = entry.voting
      const step = open.get(entry.node)
      if (!announced.has(step ?? '') && (after.length < quorum || before.length < servers.length))
        broken.push(
          `${entry.what} on ${entry.node} in step ${step}: ${before.length}, then ${after.length} members vote`,
        )
      const others = after.filter((name) => name !== lifeboat)
      const isStopped = entry.what.startsWith('systemctl stop')
      if (isStopped && step === 'stop-servers' && entry.node === lifeboat && others.length > 0)
        broken.push(`the lifeboat ${lifeboat} was stopped while ${others.join(', ')} still ran`)
    }
    return broken
  },
}
