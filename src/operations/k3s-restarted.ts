import type { Operation, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun } from '../nodes/run.ts'
import { flagsInForce } from './checks/flags-in-force.ts'
import { runsFlannel, withFlannel } from './k3s-unit.ts'
import { missingOfCluster, missingOfEtcd } from './settled.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface Restart {
  unit: string
  /** The process that is to go. */
  mainPid: number
  /** Whether it is to run with flannel then. */
  flannel: boolean
}

/** What is missing on a node that was restarted, or null. Servers say in an annotation what they were started with. */
function missingOfRestart(facts: Facts, target: string, { unit, mainPid, flannel }: Restart): string | null {
  const node = facts.nodes[target]
  if (!node) return 'the node does not answer'
  const { activeState, subState } = node.unit
  if (activeState !== 'active') return `${unit} is ${activeState} (${subState})`
  if (node.unit.mainPid === mainPid) return `${unit} has not been ended yet`
  if (runsFlannel(node) !== flannel) return flannel ? 'it still runs without flannel' : 'it still runs with flannel'
  const flags = flagsInForce(facts).find((finding) => finding.target === target && finding.level === 'blocks')
  return flags?.detail ?? null
}

/**
 * K3s of one node restarted while all others run: a server only when every etcd member votes and sees the others, and not left
 * before it is so again (P4). Running pods are not touched (KillMode=process, measured.md 15).
 */
export async function restartK3s(world: World, target: string, restart: Restart, task: TaskContext): Promise<void> {
  await until(world, task, 'etcd to be whole before a restart', async () => missingOfEtcd(await world.look(['etcd'])))
  const argv = ['systemctl', 'restart', '--no-block', restart.unit] as const
  await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: 30_000 })
}

export async function restartedK3s(world: World, target: string, restart: Restart, task: TaskContext): Promise<void> {
  await until(world, task, `${restart.unit} on ${target}, and the cluster whole`, async () => {
    const facts = await world.look(['unit', 'etcd', 'kube', 'k3s'])
    return missingOfRestart(facts, target, restart) ?? missingOfCluster(facts, world.clock.nowMs())
  })
}

/** K3s reads its flags only when it starts: whether it was restarted since they were set, nothing on an agent tells. */
export const k3sRestarted: Operation<Facts, World, { flannel: boolean }, Restart> = {
  name: 'k3s.restarted',
  reads: ['unit'],
  diff(facts, target, { flannel }) {
    const unit = facts.nodes[target]?.unit
    return unit ? { unit: unit.name, mainPid: unit.mainPid, flannel } : null
  },
  predict: (facts, target, { flannel }) => withFlannel(facts, target, flannel),
  fingerprint: ({ unit, flannel }) => ({ unit, flannel }),
  render: ({ unit }) => ({
    summary: `systemctl restart ${unit}, when every etcd member votes; wait until all of the cluster is whole again`,
    notes: ['pods keep running and go on talking'],
  }),
  apply: restartK3s,
  verify: restartedK3s,
  undo: { notNeeded: 'it is restarted once more when its former flags are back' },
}
