import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type ApiClient, ApiError, type ApiObject } from '../context.ts'
import { SyncLoop } from '../node/tasks.ts'
import { freeBlock } from './addresses.ts'
import { viewOf } from './cilium-node.ts'
import { ciliumCrds } from './crds.ts'
import { watched } from './informers.ts'
import * as kube from './kube-paths.ts'
import type { Log } from './log.ts'
import { acquireLease } from './operator-lease.ts'

const keys = z.object({
  'cluster-pool-ipv4-cidr': z.string(),
  'cluster-pool-ipv4-mask-size': z.coerce.number().default(24),
  'unmanaged-pod-watcher-interval': z.string().default('15'),
  'pod-restart-selector': z.string().default('k8s-app=kube-dns'),
  'agent-not-ready-taint-key': z.string().default('node.cilium.io/agent-not-ready'),
  'remove-cilium-node-taints': z.string().default('true'),
  'set-cilium-node-taints': z.string().default('true'),
  'set-cilium-is-up-condition': z.string().default('true'),
})

export type OperatorConfig = z.output<typeof keys>

export function operatorConfig(merged: Record<string, string>): OperatorConfig {
  const parsed = keys.safeParse(merged)
  if (!parsed.success) throw new Error(`cilium-config: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

export interface OperatorOptions {
  api: ApiClient
  config: OperatorConfig
  identity: string
  signal: AbortSignal
  log: Log
}

async function createCrds(api: ApiClient, log: Log): Promise<void> {
  for (const crd of ciliumCrds) {
    try {
      await api.create(kube.crds, crd)
      log('info', 'Creating CRD (CustomResourceDefinition)...', { name: crd.metadata.name })
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 409)) throw error
    }
  }
}

/** Each CiliumNode without a range gets the first free block of the pool; what a node has stays. */
export function assignments(nodes: readonly ApiObject[], config: OperatorConfig): { node: string; podCidr: string }[] {
  const pools = config['cluster-pool-ipv4-cidr'].split(/[\s,]+/).filter(Boolean)
  const taken = nodes.flatMap((node) => viewOf(node).podCidr ?? [])
  const assigned: { node: string; podCidr: string }[] = []
  for (const { name, podCidr } of nodes.map(viewOf)) {
    if (podCidr !== undefined) continue
    const block = freeBlock(pools, config['cluster-pool-ipv4-mask-size'], taken)
    if (block === null) throw new Error(`no more CIDR available in ${pools.join(', ')}`)
    taken.push(block)
    assigned.push({ node: name, podCidr: block })
  }
  return assigned
}

interface Taint {
  key: string
  value?: string
  effect: string
}

interface Condition {
  type: string
  status: string
  reason?: string
}

/** What the operator makes of a Node, by whether its agent is ready; null where nothing changes. */
export function nodeUpdate(
  node: ApiObject,
  agentReady: boolean,
  config: OperatorConfig,
  now: string,
): { taints: Taint[] | null; conditions: Condition[] | null } {
  const key = config['agent-not-ready-taint-key']
  const taints: Taint[] = node.spec?.taints ?? []
  const tainted = taints.some((taint) => taint.key === key)
  const conditions: Condition[] = node.status?.conditions ?? []
  const isUp = conditions.some(({ type, reason }) => type === 'NetworkUnavailable' && reason === 'CiliumIsUp')
  const wanted =
    agentReady && tainted && config['remove-cilium-node-taints'] === 'true'
      ? taints.filter((taint) => taint.key !== key)
      : !agentReady && !tainted && config['set-cilium-node-taints'] === 'true'
        ? [...taints, { key, value: 'true', effect: 'NoSchedule' }]
        : null
  const up = {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'CiliumIsUp',
    message: 'Cilium is running on this node',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  }
  return {
    taints: wanted,
    conditions:
      agentReady && !isUp && config['set-cilium-is-up-condition'] === 'true'
        ? [...conditions.filter(({ type }) => type !== 'NetworkUnavailable'), up]
        : null,
  }
}

const ready = (pod: ApiObject): boolean =>
  ((pod.status?.conditions ?? []) as Condition[]).some(({ type, status }) => type === 'Ready' && status === 'True')

async function updateNode(api: ApiClient, name: string, agentReady: boolean, config: OperatorConfig): Promise<void> {
  const node = await api.get(`${kube.nodes}/${name}`)
  const { taints, conditions } = nodeUpdate(node, agentReady, config, new Date().toISOString())
  // With the version that was read: the kubelet writes conditions, too.
  const metadata = { resourceVersion: node.metadata.resourceVersion }
  if (taints !== null) await api.patch(`${kube.nodes}/${name}`, { metadata, spec: { taints } })
  else if (conditions !== null) await api.patch(`${kube.nodes}/${name}/status`, { metadata, status: { conditions } })
}

const minimumAgeMs = 30_000
const pauseBetweenRestartsMs = 300_000

/** Pods that the watcher restarts: DNS pods older than 30 s without an endpoint, none more often than every 5 minutes. */
export function unmanagedPods(
  pods: readonly ApiObject[],
  endpoints: readonly ApiObject[],
  restarted: ReadonlyMap<string, number>,
  now: number,
): ApiObject[] {
  return pods.filter((pod) => {
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`
    const managed = endpoints.some(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key)
    return (
      !managed &&
      pod.spec?.hostNetwork !== true &&
      pod.status?.phase === 'Running' &&
      now - Date.parse(pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '') > minimumAgeMs &&
      now - (restarted.get(key) ?? 0) > pauseBetweenRestartsMs
    )
  })
}

async function watchUnmanaged({ api, config, signal, log }: OperatorOptions): Promise<void> {
  const intervalMs = Number.parseInt(config['unmanaged-pod-watcher-interval'], 10) * 1000
  if (!(intervalMs > 0)) return
  const restarted = new Map<string, number>()
  const selector = encodeURIComponent(config['pod-restart-selector'])
  while (!signal.aborted) {
    await delay(intervalMs, undefined, { signal }).catch(() => undefined)
    try {
      const [pods, endpoints] = await Promise.all([
        api.list(`/api/v1/pods?labelSelector=${selector}`),
        api.list(kube.allCiliumEndpoints),
      ])
      for (const { metadata } of unmanagedPods(pods, endpoints, restarted, Date.now())) {
        log('info', 'Restarting unmanaged pod', { k8sPodName: `${metadata.namespace}/${metadata.name}` })
        restarted.set(`${metadata.namespace}/${metadata.name}`, Date.now())
        await api.delete(`${kube.pods(metadata.namespace ?? '')}/${metadata.name}`)
      }
    } catch (error) {
      log('warning', 'Unable to restart unmanaged pods', { error })
    }
  }
}

/** Runs an operator until its signal aborts or it loses its lease. */
export async function runOperator(options: OperatorOptions): Promise<void> {
  const { api, config, identity, signal, log } = options
  await createCrds(api, log)
  const { lost } = await acquireLease(api, identity, signal, log)
  let request = (): void => undefined
  const watch = (path: string) => watched(api, path, signal, () => request())
  const ciliumNodes = watch(kube.ciliumNodes)
  const agents = watch('/api/v1/pods?labelSelector=k8s-app%3Dcilium')
  const loop = new SyncLoop(
    async () => {
      for (const { node, podCidr } of assignments(ciliumNodes.items(), config)) {
        await api.patch(`${kube.ciliumNodes}/${node}`, { spec: { ipam: { podCIDRs: [podCidr] } } })
        log('info', 'Assigned pod range', { node, podCIDR: podCidr })
      }
      for (const pod of agents.items()) {
        if (pod.spec?.nodeName !== undefined) await updateNode(api, pod.spec.nodeName, ready(pod), config)
      }
    },
    {
      signal,
      everyMs: 10_000,
      gatherMs: 50,
      onError: (error) => log('warning', 'Synchronisation failed', { error }),
    },
  )
  request = loop.request
  loop.request()
  void watchUnmanaged(options)
  await Promise.race([
    loop.ended,
    lost.then(() => {
      throw new Error('Leader election lost')
    }),
  ])
}
