import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi } from '../kube/api.ts'
import { type InstalledBy, uninstallRelease } from './cilium-release.ts'
import { kubeNow } from './kube-now.ts'
import type { World } from './world.ts'

interface UninstallChange {
  /** null: it is gone already, but not what it leaves in the API. */
  release: { by: InstalledBy; version: string | null; values: string } | null
}

/** Kinds that Cilium itself writes: with them goes what it knew of pods that have its addresses no longer. */
const ownKinds = ['ciliumendpoints', 'ciliumendpointslices', 'ciliumidentities', 'ciliumnodes'].map(
  (kind) => `${kind}.cilium.io`,
)

export const isOwnKind = (kind: string): boolean => ownKinds.includes(kind)

export async function deleteOwnKinds(kube: KubeApi): Promise<void> {
  const crd = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }
  for (const kind of ownKinds) await kube.delete(crd, kind)
}

/**
 * Cilium's release gone. Kinds that people write stay with what they made of them: policies are nobody's to delete here.
 * Pods that it carries go on talking by what it left in the kernel, until that is removed (measured.md, second part 6).
 */
export const ciliumUninstalled: Operation<Facts, World, undefined, UninstallChange> = {
  name: 'cilium.uninstalled',
  reads: ['kube'],
  diff(facts) {
    const { chart, kinds } = facts.kube.cilium
    if (chart) return { release: { by: chart.by, version: chart.version, values: chart.values } }
    // The chart leaves its kinds behind (cilium.md §8.1), and so does who was interrupted in between.
    return kinds.some(isOwnKind) ? { release: null } : null
  },
  predict: (facts) => ({
    ...facts,
    kube: {
      ...facts.kube,
      cilium: {
        ...facts.kube.cilium,
        ...{ chart: null, daemonSet: null, config: null, agents: [], operatorReady: 0 },
        kinds: facts.kube.cilium.kinds.filter((kind) => !isOwnKind(kind)),
      },
    },
  }),
  fingerprint: ({ release }) => release && { by: release.by, version: release.version },
  render: ({ release }) => ({
    summary: release
      ? `uninstall Cilium ${release.version ?? ''} (${release.by === 'helm' ? "helm's release" : "K3s' HelmChart object"} kube-system/cilium)`
      : 'delete what Cilium, uninstalled, has left in the API',
    ...(release
      ? { diffs: [{ subject: 'values of the chart kube-system/cilium', before: release.values, after: null }] }
      : {}),
    notes: [
      'its endpoints, identities and nodes go with their kinds; other kinds of it (CustomResourceDefinitions) stay, with the policies that were made of them',
    ],
  }),
  async apply(world, _target, { release }, task) {
    if (release) await uninstallRelease(world, release.by, task)
    await deleteOwnKinds(world.kube)
  },
  async verify(world) {
    const { cilium } = await kubeNow(world)
    if (cilium.chart || cilium.daemonSet || cilium.kinds.some(isOwnKind))
      throw new FailedError("Cilium's release is still there, or what it knew of pods")
  },
  undo: {
    impossible: 'pods lose the network they have with it; the way to Cilium again is a run of k3s-flannel-to-cilium',
  },
}
