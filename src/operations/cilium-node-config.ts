import type { Operation, TaskContext } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { conflistName } from './cni-seeded.ts'
import { onCilium } from './labels.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

const kind = { apiVersion: 'cilium.io/v2', kind: 'CiliumNodeConfig' }
const name = 'cni-migrate'
const namespace = 'kube-system'

interface NodeConfigChange {
  there: boolean
  chainingMode: string
}

/**
 * What an agent does otherwise on a node that is Cilium's: it writes the CNI configuration and puts the others out of the way.
 * Cilium's own guide has v2alpha1, which is deprecated (cilium.md §1.3).
 */
const object = (chainingMode: string) => ({
  ...kind,
  metadata: { name, namespace },
  spec: {
    nodeSelector: { matchLabels: onCilium },
    defaults: {
      'write-cni-conf-when-ready': `/host/etc/cni/net.d/${conflistName}`,
      'custom-cni-conf': 'false',
      'cni-chaining-mode': chainingMode,
      'cni-exclusive': 'true',
    },
  },
})

/** Its kind exists only once Cilium's operator has run: until then there is no object either. */
async function set(
  { kube, clock }: World,
  { there, chainingMode }: NodeConfigChange,
  task: TaskContext,
): Promise<void> {
  if (!there) return await kube.delete(kind, name, namespace)
  await until({ clock }, task, 'the kind CiliumNodeConfig', async () => {
    if ((await kube.get(kind, name, namespace)) === null) await kube.create(object(chainingMode))
    return null
  })
}

/** The object that has nodes follow Cilium one by one, by a label, or its absence. Nothing of it is among the facts: it is only ours. */
export const ciliumNodeConfig: Operation<Facts, World, { there: boolean; portmap: boolean }, NodeConfigChange> = {
  name: 'cilium.node-config',
  reads: [],
  diff: (_facts, _target, { there, portmap }) => ({ there, chainingMode: portmap ? 'portmap' : 'none' }),
  predict: (facts) => facts,
  fingerprint: (change) => ({ ...change }),
  render: ({ there, chainingMode }) => ({
    summary: `${there ? 'create' : 'delete'} the CiliumNodeConfig ${namespace}/${name}`,
    diffs: [
      {
        subject: `CiliumNodeConfig ${namespace}/${name}`,
        before: there ? null : JSON.stringify(object(chainingMode).spec, null, 2),
        after: there ? JSON.stringify(object(chainingMode).spec, null, 2) : null,
      },
    ],
  }),
  apply: (world, _target, change, task) => set(world, change, task),
  async verify({ kube }, _target, { there }) {
    if (((await kube.get(kind, name, namespace)) !== null) !== there)
      throw new FailedError(`the CiliumNodeConfig is ${there ? 'not there' : 'still there'}`)
  },
  undo: {
    how: 'delete it; make it again where it was deleted',
    run: (world, _target, change, task) => set(world, { ...change, there: !change.there }, task),
  },
}
