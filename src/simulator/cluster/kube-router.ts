import type { PolicySpec } from '../../facts/policies.ts'
import type { KubeObject } from '../../kube/api.ts'
import { chainOf, ensureRule, freshChain, tableOf } from './netfilter.ts'
import { type ClusterState, kubeletLives, type NodeState, podKey } from './state.ts'

const builtins = ['INPUT', 'FORWARD', 'OUTPUT'] as const
const explicitAccept =
  '-m comment --comment "KUBE-ROUTER rule to explicitly ACCEPT traffic that comply to network policies" -m mark --mark 0x20000/0x20000 -j ACCEPT'
const syncEveryMs = 60_000
const ownChain = /^KUBE-(POD-FW|NWPLCY)-[A-Z2-7]{16}$/

/** Sixteen base32 digits that stand for a text: how kube-router names chains and sets. */
function named(text: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let [a, b] = [0x811c9dc5, 0x9e3779b9]
  for (let at = 0; at < text.length; at++) {
    a = Math.imul(a ^ text.charCodeAt(at), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(at), 0x85ebca6b)
  }
  return Array.from({ length: 16 }, (_, at) => digits[(at < 8 ? a >>> (at * 3) : b >>> (at * 3 - 24)) & 31]).join('')
}

export const policiesOf = (state: ClusterState): KubeObject[] =>
  Object.values(state.objects).filter(({ kind }) => kind === 'NetworkPolicy')

/** The labels that a policy of the simulated clusters selects by, all of which a pod must have. */
export const selects = (policy: KubeObject, pod: { namespace: string; labels: Record<string, string> }): boolean =>
  policy.metadata.namespace === pod.namespace &&
  Object.entries((policy.spec as PolicySpec).podSelector.matchLabels).every(([key, value]) => pod.labels[key] === value)

/**
 * The policy controller's rules and sets, as a sync leaves them. Every sync names the chains of pods and policies anew
 * (measured.md 8). It runs in the k3s process: when that has ended, all stays as it was, frozen.
 */
export function syncPolicies(state: ClusterState, node: NodeState): void {
  if (!kubeletLives(node) || !node.runs?.policies) return
  const { syncedMs, dirty } = node.kubeRouter
  if (!dirty && state.nowMs - syncedMs < syncEveryMs) return
  node.kubeRouter = { syncedMs: state.nowMs, generation: node.kubeRouter.generation + 1, dirty: false }
  const name = (kind: string, what: string) => `${kind}-${named(`${what} ${node.kubeRouter.generation}`)}`
  const filter = tableOf(node, 'filter')
  filter.chains = filter.chains.filter((chain) => !ownChain.test(chain.name))
  const local = node.sandboxes.filter((one) => one.ready && one.network === 'flannel')
  for (const builtin of builtins) {
    freshChain(filter, `KUBE-ROUTER-${builtin}`).rules.push(explicitAccept)
    ensureRule(
      filter,
      builtin,
      `-m comment --comment "kube-router netpol - ${named(builtin)}" -j KUBE-ROUTER-${builtin}`,
      'first',
    )
    ensureRule(filter, builtin, explicitAccept, 'last')
  }
  freshChain(filter, 'KUBE-NWPLCY-DEFAULT').rules.push('-j MARK --set-xmark 0x10000/0x10000')
  const policies = policiesOf(state)
  const sets = policies.map((policy) => {
    const set = `KUBE-DST-${named(podKey({ namespace: policy.metadata.namespace ?? '', name: policy.metadata.name }))}`
    const chain = name('KUBE-NWPLCY', `${policy.metadata.namespace}/${policy.metadata.name}`)
    freshChain(filter, chain).rules.push(`-m set --match-set ${set} dst -j MARK --set-xmark 0x10000/0x10000`)
    const pods = state.pods.filter((pod) => !pod.hostNetwork && selects(policy, pod) && pod.status.ip !== null)
    return { name: set, type: 'hash:ip', entries: pods.map((pod) => pod.status.ip ?? '') }
  })
  node.ipsets = [...node.ipsets.filter((set) => !set.name.startsWith('KUBE-')), ...sets]
  for (const sandbox of local) {
    const pod = state.pods.find((one) => podKey(one) === sandbox.pod)
    if (!pod) continue
    const chain = name('KUBE-POD-FW', sandbox.pod)
    const rules = freshChain(filter, chain).rules
    for (const policy of policies.filter((one) => selects(one, pod)))
      rules.push(
        `-d ${sandbox.ip}/32 -m comment --comment "run through nw policy ${policy.metadata.name}" -j ${name('KUBE-NWPLCY', `${policy.metadata.namespace}/${policy.metadata.name}`)}`,
      )
    rules.push(
      `-m comment --comment "rule to REJECT traffic destined for POD name:${pod.name} namespace: ${pod.namespace}" -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable`,
    )
    for (const direction of ['-s', '-d'])
      chainOf(filter, 'KUBE-ROUTER-FORWARD')?.rules.unshift(`${direction} ${sandbox.ip}/32 -j ${chain}`)
  }
}

/** Pods of this node whose traffic kube-router's rules still decide on, live or frozen. */
export function enforcesFor(node: NodeState, ip: string): boolean {
  const chain = chainOf(tableOf(node, 'filter'), 'KUBE-ROUTER-FORWARD')
  return chain?.rules.some((rule) => rule.startsWith(`-d ${ip}/32 `)) ?? false
}
