import { setTimeout as delay } from 'node:timers/promises'
import { type ApiClient, ApiError, type ApiObject } from '../context.ts'
import type { Log } from './log.ts'

const collection = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases'
export const leasePath = `${collection}/cilium-operator-resource-lock`

const durationSeconds = 15
const renewMs = 2000

function expired(lease: ApiObject, now: number): boolean {
  const renewed = Date.parse(lease.spec?.renewTime ?? '')
  return Number.isNaN(renewed) || renewed + (lease.spec?.leaseDurationSeconds ?? durationSeconds) * 1000 < now
}

async function claim(api: ApiClient, identity: string): Promise<boolean> {
  const now = new Date()
  const mine = {
    holderIdentity: identity,
    leaseDurationSeconds: durationSeconds,
    renewTime: now.toISOString().replace('Z', '000Z'),
  }
  try {
    const lease = await api.get(leasePath)
    if (lease.spec?.holderIdentity !== identity && !expired(lease, now.getTime())) return false
    const acquireTime = lease.spec?.holderIdentity === identity ? lease.spec.acquireTime : mine.renewTime
    await api.replace(leasePath, { ...lease, spec: { ...lease.spec, ...mine, acquireTime } })
    return true
  } catch (error) {
    if (error instanceof ApiError && error.code === 409) return false
    if (!(error instanceof ApiError && error.code === 404)) throw error
    await api.create(collection, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'cilium-operator-resource-lock', namespace: 'kube-system' },
      spec: { ...mine, acquireTime: mine.renewTime },
    })
    return true
  }
}

/**
 * Waits for the operator's lease, then keeps it. It is not given back at the end: one that an uninstalled operator left is
 * waited out by the next (`measured.md`, Cilium 4). Rejects when a held lease could not be renewed in time.
 */
export async function acquireLease(
  api: ApiClient,
  identity: string,
  signal: AbortSignal,
  log: Log,
): Promise<{ lost: Promise<void> }> {
  const pause = () => delay(renewMs, undefined, { signal })
  const attempt = () =>
    claim(api, identity).catch((error: unknown) => {
      log('warning', 'error retrieving resource lock kube-system/cilium-operator-resource-lock', { error })
      return false
    })
  log('info', 'attempting to acquire leader lease kube-system/cilium-operator-resource-lock...')
  while (!(await attempt())) await pause()
  log('info', 'Leading the operator HA deployment')
  const keep = async (): Promise<void> => {
    let renewed = Date.now()
    while (Date.now() - renewed < 10_000) {
      await pause()
      if (await attempt()) renewed = Date.now()
    }
  }
  return { lost: keep() }
}
