import type { TaskContext } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { CniFacts } from '../facts/cni.ts'
import type { NodeFacts } from '../facts/facts.ts'
import { mustRun, script } from '../nodes/run.ts'
import { forgetContainersScript, goneContainers } from './cni-leaks.ts'
import { ciliumNetworks } from './cni-seeded.ts'
import { goneHostPorts } from './netfilter-claimants.ts'
import { purge } from './netfilter-purged.ts'
import type { World } from './world.ts'

/** CNI deletes by the configuration of the moment, which is flannel's again: it does not know the other network's results. */
const forgetResults = 'for network in "$@"; do rm -f -- /var/lib/cni/results/"$network"-*; done'

const isResult = (path: string): boolean =>
  ciliumNetworks.some((network) => path.startsWith(`/var/lib/cni/results/${network}-`))

/** Whether pods of Cilium's have left something on a node: it was not freed of them to the end. */
export const hasGonePods = ({ files }: CniFacts): boolean => Object.keys(files).some(isResult)

export const withoutGonePods = ({ files }: CniFacts): CniFacts => ({
  files: Object.fromEntries(Object.entries(files).filter(([path]) => !isResult(path))),
})

/** Of the node, before its first pod is moved: what forgetGonePods goes by. */
export async function lookBefore(world: World, target: string): Promise<NodeFacts> {
  const node = (await world.look(['cni', 'netfilter'], [target])).nodes[target]
  if (!node) throw new FailedError('no facts', { host: target })
  return node
}

/**
 * On a node whose pods were moved to flannel, and are back: host ports, leases and caches of those that are gone.
 * @param before the node before the first pod was moved
 */
export async function forgetGonePods(
  world: World,
  target: string,
  before: NodeFacts,
  task: TaskContext,
): Promise<void> {
  await purge(world, target, goneHostPorts(before), task)
  const { sandboxes = null } = (await world.look(['sandboxes'], [target])).nodes[target] ?? {}
  const gone = goneContainers(before.cni, sandboxes)
  for (const command of [
    script('forget-containers', forgetContainersScript, gone),
    // Last: as long as one is there, there is something to do.
    script('forget-results', forgetResults, ciliumNetworks),
  ])
    await mustRun(world.nodes.get(target), { ...command, mode: 'write', timeoutMs: task.remainingMs() })
}
