import type { TaskContext } from '../engine/model.ts'
import { mustRun, script } from '../nodes/run.ts'
import { ciliumLeftoversScript } from './cilium-leftovers-script.ts'
import { claimants } from './netfilter-claimants.ts'
import { purge } from './netfilter-purged.ts'
import type { World } from './world.ts'

/**
 * Frees a node of what Cilium left there after it was uninstalled. Under a guard: its links and rules are the node's network.
 * @param kept paths that are not Cilium's, or were there before it came
 */
export async function removeCiliumLeftovers(
  world: World,
  target: string,
  kept: readonly string[],
  task: TaskContext,
): Promise<void> {
  await mustRun(world.nodes.get(target), {
    ...script('cilium-leftovers', ciliumLeftoversScript, kept),
    mode: 'write',
    timeoutMs: Math.min(task.remainingMs(), 60_000),
  })
  await purge(world, target, claimants.cilium, task)
}
