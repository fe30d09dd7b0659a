import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Informer, type NodeContext, paths } from '../../context.ts'
import { attempt, run } from '../command.ts'
import { faultSeconds } from '../files.ts'
import { SyncLoop } from '../tasks.ts'
import { actionablePods, resolvePolicies } from './policies.ts'
import { kubeRouterState } from './rules.ts'
import { commonRules, editFilterTable, ipsetRestore, placedRules } from './tables.ts'

const resyncMs = 300_000
const gapSeconds = 2

export interface PolicySources {
  pods: Informer
  policies: Informer
  namespaces: Informer
}

/** Starts the embedded network policy controller; its rules and sets stay when it ends. Returns the request for a sync. */
export async function startPolicyController(context: NodeContext, sources: PolicySources): Promise<() => void> {
  const { log, signal } = context
  const ipset = await attempt(['ipset', 'save'])
  if (ipset.code !== 0) {
    log('warning', `Skipping network policy controller start, ipset save failed: ${ipset.stderr.trim()}`)
    return () => undefined
  }
  log('info', 'Starting network policy controller version v2.6.2, built on 2025-12-03T17:25:06Z, go1.24.11')
  await Promise.all([sources.pods.synced, sources.policies.synced, sources.namespaces.synced])
  let last = ''
  const loop = new SyncLoop(() => fullSync(context, sources), {
    signal,
    everyMs: resyncMs,
    gatherMs: 50,
    onError: (error) => log('error', `Aborting sync. ${error instanceof Error ? error.message : error}`),
  })
  return () => {
    // Most changes of a pod (probes, restarts) are not the policies' business, and a sync is not free.
    const now = relevant(sources)
    if (now === last) return
    last = now
    loop.request()
  }
}

/** What kube-router looks at to decide whether a change calls for a sync. */
function relevant(sources: PolicySources): string {
  return JSON.stringify([
    sources.pods
      .items()
      .map((pod) => [
        pod.metadata.namespace,
        pod.metadata.name,
        pod.metadata.labels,
        pod.status?.phase,
        pod.status?.podIP,
        pod.status?.hostIP,
      ]),
    sources.policies.items().map((policy) => [policy.metadata.uid, policy.metadata.resourceVersion]),
    sources.namespaces.items().map((namespace) => [namespace.metadata.name, namespace.metadata.labels]),
  ])
}

async function fullSync(context: NodeContext, sources: PolicySources): Promise<void> {
  // The real version is in nanoseconds; only that it is another at each sync matters.
  const version = String(BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n))
  await ensureTopLevel(context.cluster.serviceCidr)
  const pods = actionablePods(sources.pods.items())
  const policies = resolvePolicies(sources.policies.items(), pods, sources.namespaces.items())
  const local = pods.filter((pod) => pod.hostIp === context.nodeIp)
  const state = kubeRouterState(policies, local, version)
  const saved = await run(['iptables-save', '-t', 'filter'])
  await run(['ipset', 'restore', '-exist'], { stdin: ipsetRestore(state.sets) })
  const gap = await faultSeconds(join(paths.faults, 'reject-gap'), gapSeconds)
  if (gap !== null) {
    await run(['iptables-restore', '-w', '-T', 'filter'], { stdin: editFilterTable(saved, state, true) })
    await delay(gap * 1000)
  }
  // Without --noflush: the whole table is replaced by what was saved above, and what others added since is lost.
  await run(['iptables-restore', '-w', '-T', 'filter'], { stdin: editFilterTable(saved, state) })
  await destroyStaleSets(new Set(state.sets.map((set) => set.name)))
}

/** Single iptables commands, as kube-router runs them, but only those that the table as it stands calls for. */
async function ensureTopLevel(serviceCidr: string): Promise<void> {
  const iptables = (...args: string[]): Promise<string> => run(['iptables', '-w', '-t', 'filter', ...args])
  let table = (await iptables('-S')).split('\n')
  for (const chain of [
    'KUBE-ROUTER-INPUT',
    'KUBE-ROUTER-FORWARD',
    'KUBE-ROUTER-OUTPUT',
    'KUBE-NWPLCY-DEFAULT',
    'KUBE-NWPLCY-COMMON',
  ]) {
    if (!table.includes(`-N ${chain}`)) await iptables('-N', chain)
  }
  for (const { chain, position, id, spec } of placedRules(serviceCidr)) {
    const rules = table.filter((line) => line.startsWith(`-A ${chain} `))
    const at = rules.findIndex((line) => line.includes(id)) + 1
    if (at === position) continue
    await iptables('-I', chain, String(position), ...spec)
    if (at > 0) await iptables('-D', chain, String(at + 1))
    table = (await iptables('-S')).split('\n')
  }
  for (const { chain, spec } of commonRules) {
    const comment = spec[3]
    if (!table.some((line) => line.startsWith(`-A ${chain} `) && line.includes(`"${comment}"`)))
      await iptables('-A', chain, ...spec)
  }
}

async function destroyStaleSets(active: ReadonlySet<string>): Promise<void> {
  const names = (await run(['ipset', 'list', '-name'])).split('\n')
  const stale = names.filter((name) => /^KUBE-(SRC|DST)-/.test(name) && !active.has(name))
  if (stale.length > 0) await run(['ipset', 'restore'], { stdin: stale.map((name) => `destroy ${name}\n`).join('') })
}
