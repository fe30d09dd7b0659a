import { setTimeout as delay } from 'node:timers/promises'
import type { Operations } from '../api/operations.ts'
import { mergePatch } from '../api/patches.ts'
import { builtInType, type ResourceType } from '../api/resources.ts'
import { ApiError, type ApiObject } from '../context.ts'
import type { EtcdClient } from '../etcd/client.ts'
import type { Leadership } from '../leases.ts'
import { log } from '../log.ts'
import { budgets } from './budgets.ts'
import { cronJobs } from './cronjob.ts'
import { daemonSets } from './daemonset.ts'
import { deployments } from './deployment.ts'
import { apiServerEndpoints, endpoints } from './endpoints.ts'
import { removeMembersOfDeletedNodes } from './etcd-members.ts'
import { garbage } from './garbage.ts'
import { helm } from './helm.ts'
import { jobs } from './job.ts'
import type { Action, Controller, View } from './model.ts'
import { namespaces } from './namespaces.ts'
import { nodeIpam } from './node-ipam.ts'
import { nodeLifecycle } from './node-lifecycle.ts'
import { podGarbage } from './pod-garbage.ts'
import { replicaSets } from './replicaset.ts'
import { scheduler } from './scheduler.ts'

/** Changes that come together are answered together. */
const settleMs = 50
/** Without a change the controllers look at the clock this often: leases that go stale, schedules, back-offs. */
const idleMs = 1000
const serverLeaseMs = 5000

export interface ControllerParts {
  operations: Operations
  leadership: Leadership
  etcd: EtcdClient
  nodeIp: string
  clusterCidr: string
  signal: AbortSignal
}

/** Starts this server's controllers; each works only while its lease is held here. */
export function startControllers(parts: ControllerParts): void {
  const { operations, leadership, signal } = parts
  let wake = Promise.withResolvers<void>()
  const poke = () => wake.resolve()
  operations.mirror.subscribe(poke)
  void leadership.run(signal, poke, () => process.exit(1))
  void renewServerLease(parts)
  const lostPods = podGarbage()
  void (async () => {
    while (!signal.aborted) {
      await Promise.race([wake.promise, delay(idleMs)])
      await delay(settleMs)
      wake = Promise.withResolvers<void>()
      await round(parts, lostPods).catch((error: unknown) => log('error', `Sync error: ${String(error)}`))
    }
  })()
}

async function round(parts: ControllerParts, lostPods: Controller): Promise<void> {
  const { operations, leadership, etcd } = parts
  const manager: Controller[] = [
    nodeIpam(parts.clusterCidr),
    deployments,
    replicaSets,
    daemonSets,
    cronJobs,
    jobs,
    endpoints,
    apiServerEndpoints,
    nodeLifecycle(leadership.heldSince('kube-controller-manager') ?? new Date()),
    budgets,
    lostPods,
    garbage(() => operations.types()),
    namespaces(() => operations.types()),
  ]
  if (leadership.holds('kube-controller-manager')) await runAll(operations, manager)
  if (leadership.holds('kube-scheduler')) await runAll(operations, [scheduler])
  if (leadership.holds('k3s')) await runAll(operations, [helm])
  if (leadership.holds('k3s-etcd')) await removeMembersOfDeletedNodes(operations, etcd)
}

/** Each controller sees what the one before it has done. */
async function runAll(operations: Operations, controllers: readonly Controller[]): Promise<void> {
  for (const controller of controllers) {
    let last = 0
    for (const action of controller(viewOf(operations))) {
      const revision = await perform(operations, action)
      last = Math.max(last, revision)
    }
    await operations.mirror.reached(last)
  }
}

function viewOf({ mirror }: Operations): View {
  return {
    all: (collection) => mirror.withPrefix(`/registry/${collection}/`),
    everything: () => mirror.objects.values(),
    now: new Date(),
  }
}

/** @returns the revision of the change, 0 if somebody else has been quicker */
async function perform(operations: Operations, action: Action): Promise<number> {
  try {
    if (action.do === 'finalize') {
      const namespace = await operations.finalize(action.name, 'kubernetes')
      return Number(namespace.metadata.resourceVersion ?? 0)
    }
    const type = typeOf(operations, action.collection)
    const object = await performOn(operations, type, action)
    return Number(object.metadata.resourceVersion ?? 0)
  } catch (error) {
    // Gone, there already, or changed since: the next round sees it as it is.
    if (error instanceof ApiError && [403, 404, 409].includes(error.code)) return 0
    throw error
  }
}

function performOn(
  operations: Operations,
  type: ResourceType,
  action: Exclude<Action, { do: 'finalize' }>,
): Promise<ApiObject> {
  if (action.do === 'create') return operations.create(type, action.object.metadata.namespace, action.object)
  const { namespace, name } = action
  if (action.do === 'delete') {
    const { uid, graceSeconds } = action
    const options = { ...(uid === undefined ? {} : { uid }), ...(graceSeconds === undefined ? {} : { graceSeconds }) }
    return operations.delete(type, namespace, name, options)
  }
  const change = (current: ApiObject): ApiObject => {
    delete current.metadata.resourceVersion
    return action.do === 'status'
      ? { ...current, status: action.status }
      : (mergePatch(current, action.patch) as ApiObject)
  }
  return operations.update(type, namespace, name, change, action.do === 'status' ? 'status' : undefined)
}

function typeOf(operations: Operations, collection: string): ResourceType {
  const [group, plural] = collection.includes('/') ? collection.split('/') : [undefined, collection]
  if (group === undefined) return builtInType(plural ?? '')
  const found = operations.types().find((type) => type.group === group && type.plural === plural)
  if (!found) throw new ApiError(404, `the server could not find the requested resource ${collection}`)
  return found
}

/** API servers are endpoints of default/kubernetes while they renew this, as the real ones do under the same key. */
async function renewServerLease({ operations, nodeIp, signal }: ControllerParts): Promise<void> {
  while (!signal.aborted) {
    const lease: ApiObject = {
      apiVersion: 'v1',
      kind: 'MasterLease',
      metadata: { name: nodeIp },
      renewTime: new Date().toISOString(),
    }
    await operations
      .putRecord(`/registry/masterleases/${nodeIp}`, lease)
      .catch((error: unknown) => log('error', String(error)))
    await delay(serverLeaseMs, undefined, { signal }).catch(() => undefined)
  }
}
