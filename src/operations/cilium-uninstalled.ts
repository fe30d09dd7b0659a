import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi } from '../kube/api.ts'
import { type InstalledBy, uninstallRelease } from './cilium-release.ts'
import { kubeNow } from './kube-now.ts'
import type { World } from './world.ts'

interface UninstallChange {
  by: InstalledBy
  version: string | null
  values: string
}

/** Kinds that Cilium itself writes: with them goes what it knew of pods that have its addresses no longer. */
export const ownKinds = ['ciliumendpoints', 'ciliumendpointslices', 'ciliumidentities', 'ciliumnodes'].map(
  (kind) => `${kind}.cilium.io`,
)

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
    const { chart } = facts.kube.cilium
    return chart && { by: chart.by, version: chart.version, values: chart.values }
  },
  predict: (facts) => ({
    ...facts,
    kube: {
      ...facts.kube,
      cilium: { ...facts.kube.cilium, chart: null, daemonSet: null, config: null, agents: [], operatorReady: 0 },
    },
  }),
  fingerprint: ({ by, version }) => ({ by, version }),
  render: ({ by, version, values }) => ({
    summary: `uninstall Cilium ${version ?? ''} (${by === 'helm' ? "helm's release" : "K3s' HelmChart object"} kube-system/cilium)`,
    diffs: [{ subject: 'values of the chart kube-system/cilium', before: values, after: null }],
    notes: [
      'its endpoints, identities and nodes go with their kinds; other kinds of it (CustomResourceDefinitions) stay, with the policies that were made of them',
    ],
  }),
  async apply(world, _target, { by }, task) {
    await uninstallRelease(world, by, task)
    await deleteOwnKinds(world.kube)
  },
  async verify(world) {
    const { cilium } = await kubeNow(world)
    if (cilium.chart || cilium.daemonSet) throw new FailedError("Cilium's release is still there")
  },
  undo: {
    impossible: 'pods lose the network they have with it; the way to Cilium again is a run of k3s-flannel-to-cilium',
  },
}
