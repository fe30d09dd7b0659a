import type { TaskContext } from '../engine/model.ts'
import type { CniFacts } from '../facts/cni.ts'
import { mustRun, script } from '../nodes/run.ts'
import { forgetContainersScript, goneContainers } from './cni-leaks.ts'
import { ciliumNetworks } from './cni-seeded.ts'
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

/**
 * On a node whose pods were moved to flannel: host ports, leases and caches of those that are gone.
 * @param before the node's files before the first pod was moved
 */
export async function forgetGonePods(
  world: World,
  target: string,
  before: CniFacts | undefined,
  task: TaskContext,
): Promise<void> {
  await purge(world, target, 'gone-pods-host-ports', task)
  const { sandboxes = null } = (await world.look(['sandboxes'], [target])).nodes[target] ?? {}
  const gone = before ? goneContainers(before, sandboxes) : []
  for (const command of [
    script('forget-containers', forgetContainersScript, gone),
    // Last: as long as one is there, there is something to do.
    script('forget-results', forgetResults, ciliumNetworks),
  ])
    await mustRun(world.nodes.get(target), { ...command, mode: 'write', timeoutMs: task.remainingMs() })
}
