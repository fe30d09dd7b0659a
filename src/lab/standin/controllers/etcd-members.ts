import type { Operations } from '../api/operations.ts'
import { builtInType } from '../api/resources.ts'
import type { EtcdClient } from '../etcd/client.ts'
import { log } from '../log.ts'

const finalizers = new Set(['wrangler.cattle.io/managed-etcd-controller', 'wrangler.cattle.io/node'])

/** A Node that is being deleted takes its etcd member with it: the trap behind `kubectl delete node` of a server. */
export async function removeMembersOfDeletedNodes(operations: Operations, etcd: EtcdClient): Promise<void> {
  const deleted = operations.mirror
    .withPrefix('/registry/nodes/')
    .filter((node) => node.metadata.deletionTimestamp !== undefined)
  for (const node of deleted) {
    const name = node.metadata.annotations?.['etcd.k3s.cattle.io/node-name']
    const member = name === undefined ? undefined : (await etcd.members()).find((one) => one.name === name)
    if (member) {
      log('info', `Removing name=${name} id=${member.id} address=${member.peerUrls.join(',')} from etcd`)
      await etcd.removeMember(member.id)
    }
    await operations.update(builtInType('nodes'), undefined, node.metadata.name, (current) => {
      const rest = (current.metadata.finalizers ?? []).filter((one) => !finalizers.has(one))
      return { ...current, metadata: { ...current.metadata, finalizers: rest } }
    })
  }
}
