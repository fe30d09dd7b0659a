import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Operations } from './api/operations.ts'
import { builtInType } from './api/resources.ts'
import { ApiError, type ApiObject } from './context.ts'
import { klog } from './log.ts'

/** Leases that a K3s server's parts elect their leaders by, and the times Kubernetes uses. */
const names = ['kube-controller-manager', 'kube-scheduler', 'k3s', 'k3s-etcd', 'k3s-cloud-controller-manager'] as const
export type LeaseName = (typeof names)[number]

const durationSeconds = 15
const renewDeadlineMs = 10_000
const retryMs = 2000

export class Leadership {
  private readonly held = new Map<LeaseName, Date>()
  private readonly identity: string
  private readonly operations: Operations

  constructor(operations: Operations, nodeName: string) {
    this.operations = operations
    this.identity = `${nodeName}_${randomUUID()}`
  }

  holds(name: LeaseName): boolean {
    return this.held.has(name)
  }

  /** When the lease became ours. */
  heldSince(name: LeaseName): Date | undefined {
    return this.held.get(name)
  }

  /**
   * Acquires and renews until the signal aborts. A server that cannot reach the leases for the renew deadline gives up
   * as a whole ("leaderelection lost"), which is how the last of three servers ends when the other two are stopped.
   */
  async run(signal: AbortSignal, onAcquired: () => void, onLost: () => void): Promise<void> {
    for (const name of names)
      klog('I', 'leaderelection.go:257', `attempting to acquire leader lease kube-system/${name}...`)
    let renewed = Date.now()
    const deadline = setInterval(() => {
      if (Date.now() - renewed < renewDeadlineMs) return
      clearInterval(deadline)
      const name = [...this.held.keys()][0] ?? names[0]
      klog('I', 'leaderelection.go:297', `failed to renew lease kube-system/${name}: context deadline exceeded`)
      klog('F', 'controllermanager.go:320', 'leaderelection lost')
      onLost()
    }, 500)
    signal.addEventListener('abort', () => clearInterval(deadline))
    while (!signal.aborted) {
      try {
        const acquired = await Promise.all(names.map((name) => this.acquireOrRenew(name)))
        renewed = Date.now()
        if (acquired.includes(true)) onAcquired()
      } catch (error) {
        klog(
          'E',
          'leaderelection.go:436',
          `error retrieving resource lock kube-system/kube-controller-manager: ${String(error)}`,
        )
      }
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Whether the lease has become ours just now. */
  private async acquireOrRenew(name: LeaseName): Promise<boolean> {
    const type = builtInType('leases')
    const renewTime = new Date().toISOString().replace('Z', '000Z')
    const mine = { holderIdentity: this.identity, leaseDurationSeconds: durationSeconds, renewTime }
    try {
      const current = await this.operations.get(type, 'kube-system', name)
      const held = current.spec.holderIdentity === this.identity
      if (!held && !isExpired(current, new Date())) {
        this.held.delete(name)
        return false
      }
      const { acquireTime, leaseTransitions } = current.spec
      const spec = held
        ? { ...current.spec, ...mine }
        : { ...current.spec, ...mine, acquireTime: renewTime, leaseTransitions: leaseTransitions + 1 }
      await this.operations.update(type, 'kube-system', name, () => ({ ...current, spec: { acquireTime, ...spec } }))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      // 404: nobody has had it yet. 409: another was quicker, which is an answer too.
      if (error.code !== 404) return false
      const lease: ApiObject = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name },
        spec: { ...mine, acquireTime: renewTime, leaseTransitions: 0 },
      }
      const created = await this.operations.create(type, 'kube-system', lease).catch((failure: unknown) => {
        if (failure instanceof ApiError && failure.code === 409) return undefined
        throw failure
      })
      if (!created) return false
    }
    if (this.held.has(name)) return false
    this.held.set(name, new Date())
    klog('I', 'leaderelection.go:271', `successfully acquired lease kube-system/${name}`)
    return true
  }
}

export function isExpired(lease: ApiObject, now: Date): boolean {
  return Date.parse(lease.spec.renewTime) + lease.spec.leaseDurationSeconds * 1000 < now.getTime()
}
