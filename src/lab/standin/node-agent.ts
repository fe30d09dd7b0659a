import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from './client.ts'
import { ApiError, type ApiObject, type NodeContext } from './context.ts'
import { serveKubelet } from './kubelet-port.ts'
import { fatal, log } from './log.ts'
import {
  annotationsOf,
  type Condition,
  kubeletConditions,
  labelsOf,
  type NodeIdentity,
  newNode,
  nodeStatus,
  withCondition,
} from './node-object.ts'
import type { ClusterSettings } from './settings.ts'

const heartbeatMs = 10_000
/** The kubelet reports a status that has not changed this often only. */
const reportMs = 5 * 60_000
const pollMs = 500

/** The agent's half of K3s, on servers and agents alike: the Node object, its lease, its conditions, its services. */
export async function runNode(
  node: NodeIdentity,
  cluster: ClusterSettings,
  api: Client,
  signal: AbortSignal,
): Promise<void> {
  await register(node, api, signal)
  void heartbeat(node.name, api, signal)
  await serveKubelet()
  const { startNodeServices } = await import('./node/node.ts')
  const context: NodeContext = {
    nodeName: node.name,
    nodeIp: node.ip,
    role: node.role,
    cluster,
    api,
    log,
    signal,
    fatal,
  }
  const services = await startNodeServices(context)
  if (cluster.flannelBackend !== 'none') await setCondition(api, node.name, flannelUp)
  void reportStatus(node, api, signal, () => services.conditions())
}

const flannelUp: Condition = {
  type: 'NetworkUnavailable',
  status: 'False',
  reason: 'FlannelIsUp',
  message: 'Flannel is running on this node',
}

const pathOf = (name: string) => `/api/v1/nodes/${name}`

/** Creates the Node, or brings an existing one's labels and annotations up to date; its old conditions stay, stale. */
async function register(node: NodeIdentity, api: Client, signal: AbortSignal): Promise<void> {
  const wanted = newNode(node)
  for (;;) {
    try {
      await api.create('/api/v1/nodes', wanted).catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.code !== 409) throw error
        return api.patch(pathOf(node.name), { metadata: { labels: labelsOf(node), annotations: annotationsOf(node) } })
      })
      await api.patch(`${pathOf(node.name)}/status`, { status: nodeStatus(node) })
      log('info', `Annotations and labels have been set successfully on node: ${node.name}`)
      return
    } catch (error) {
      if (signal.aborted) throw error
      log('error', `Unable to register node with API server: ${String(error)}`)
      await delay(1000, undefined, { signal })
    }
  }
}

async function heartbeat(name: string, api: Client, signal: AbortSignal): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases`
  while (!signal.aborted) {
    const renewTime = new Date().toISOString().replace('Z', '000Z')
    const lease: ApiObject = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
    }
    await api
      .apply(`${path}/${name}`, lease)
      .catch((error: unknown) => log('error', `Failed to update lease: ${String(error)}`))
    await delay(heartbeatMs, undefined, { signal }).catch(() => undefined)
  }
}

type Conditions = () => { ready: boolean; reason: string; message: string }

async function reportStatus(node: NodeIdentity, api: Client, signal: AbortSignal, read: Conditions): Promise<void> {
  let reported = ''
  let reportedAt = 0
  while (!signal.aborted) {
    const { ready, reason, message } = read()
    const state = JSON.stringify({ ready, reason, message })
    if (state !== reported || Date.now() - reportedAt > reportMs) {
      const condition: Condition = { type: 'Ready', status: ready ? 'True' : 'False', reason, message }
      try {
        await setCondition(api, node.name, ...kubeletConditions, condition)
        reported = state
        reportedAt = Date.now()
      } catch (error) {
        log('error', `Error updating node status, will retry: ${String(error)}`)
      }
    }
    await delay(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Sets conditions of a node; others write theirs too, so a conflict is tried again on what is there then. */
export async function setCondition(api: Client, name: string, ...wanted: readonly Condition[]): Promise<void> {
  for (;;) {
    const node = await api.get(pathOf(name))
    const conditions = wanted.reduce(withCondition, node.status?.conditions ?? [])
    try {
      const { resourceVersion } = node.metadata
      await api.patch(`${pathOf(name)}/status`, { metadata: { resourceVersion }, status: { conditions } })
      return
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error
    }
  }
}
