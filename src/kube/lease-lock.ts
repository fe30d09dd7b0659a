import { lockOwnerSchema } from '../engine/local-lock.ts'
import type { LockOwner, LockPlace } from '../engine/lock.ts'
import type { KubeApi, KubeObject } from './api.ts'
import { KubeError } from './errors.ts'

const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
const name = 'cni-migrate'
const namespace = 'kube-system'
const ownerAnnotation = 'cni-migrate.io/owner'

/** Somebody else's Lease of our name: its holder is told as far as it can be read. */
function ownerOf(object: KubeObject): LockOwner {
  const unknown = {
    nonce: '',
    runId: 'unknown',
    cluster: 'unknown',
    user: 'unknown',
    host: 'unknown',
    pid: 0,
    bootId: '',
    since: object.metadata.creationTimestamp ?? 'unknown',
  }
  try {
    return lockOwnerSchema.parse(JSON.parse(object.metadata.annotations?.[ownerAnnotation] ?? ''))
  } catch {
    return unknown
  }
}

/** The lock that every operator of the cluster meets, on whatever machine. Away while the control plane is. */
export function leaseLock(api: KubeApi): LockPlace {
  return {
    name: `lease ${namespace}/${name}`,
    mayBeAway: true,
    async acquire(owner) {
      try {
        await api.create({
          ...lease,
          metadata: { name, namespace, annotations: { [ownerAnnotation]: JSON.stringify(owner) } },
          spec: {
            holderIdentity: `${owner.user}@${owner.host}`,
            acquireTime: new Date(owner.since).toISOString().replace(/Z$/, '000Z'),
          },
        })
        return 'taken'
      } catch (error) {
        if (!(error instanceof KubeError && error.status === 409)) throw error
        const held = await api.get(lease, name, namespace)
        if (held) return ownerOf(held)
        throw error
      }
    },
    async release(nonce) {
      const held = await api.get(lease, name, namespace)
      if (held && ownerOf(held).nonce === nonce) await api.delete(lease, name, namespace)
    },
    async inspect() {
      const held = await api.get(lease, name, namespace)
      return held ? ownerOf(held) : null
    },
  }
}
