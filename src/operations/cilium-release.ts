import type { TaskContext } from '../engine/model.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { ChartInstaller } from './chart-installer.ts'
import { chartObject } from './cilium-chart-object.ts'
import { helm } from './cilium-helm.ts'
import { freeNodesOfTaint } from './cilium-taints.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

export type InstalledBy = Inventory['cilium']['install']

const namespace = 'kube-system'

export const installerOf = (world: World, by: InstalledBy): ChartInstaller =>
  by === 'helm' ? helm(world) : chartObject(world)

/** Cilium's release uninstalled and its pods gone. What it keeps on nodes, and its kinds, outlive that (cilium.md §8.1). */
export async function uninstallRelease(world: World, by: InstalledBy, task: TaskContext): Promise<void> {
  await freeNodesOfTaint(world, task)
  await installerOf(world, by).remove(task)
  await releaseGone(world, task)
}

/** Waits for Cilium's agents and their pods to be gone. */
export async function releaseGone(world: Pick<World, 'kube' | 'clock'>, task: TaskContext): Promise<void> {
  const { kube } = world
  await until(world, task, 'Cilium to be uninstalled', async () => {
    if (await kube.get({ apiVersion: 'apps/v1', kind: 'DaemonSet' }, 'cilium', namespace))
      return 'the DaemonSet is still there'
    const pods = await kube.list(
      { apiVersion: 'v1', kind: 'Pod' },
      { namespace, labelSelector: 'app.kubernetes.io/part-of=cilium' },
    )
    return pods.length > 0 ? `${pods.length} of its pods are still there` : null
  })
  // Outlives an uninstall and makes the next operator wait for it (measured.md, second part 4).
  await kube.delete({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }, 'cilium-operator-resource-lock', namespace)
}
