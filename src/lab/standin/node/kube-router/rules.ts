import { type Direction, namedPortSet, peerSet, podChain, policyChain, targetSet } from './names.ts'
import type { PodInfo, PolicyInfo, PolicyRule } from './policies.ts'

export interface IpSet {
  name: string
  type: 'hash:ip' | 'hash:net'
  entries: string[]
}

export interface KubeRouterState {
  /** Chain declarations and rules of policies and pods, in iptables-restore's words. */
  policyChains: string[]
  podChains: string[]
  policyRules: string[]
  /** What a pod chain holds, and the jumps into it from KUBE-ROUTER-INPUT, -FORWARD, -OUTPUT. */
  podRules: string[]
  sets: IpSet[]
}

const allow = '0x10000/0x10000'

/**
 * kube-router v2.6's policy and pod chains, and its sets (facts: K3s sheet 4.2, 4.3), for the pods of one node. `version`
 * is the sync's time in nanoseconds and goes into every chain's name.
 */
export function kubeRouterState(
  policies: readonly PolicyInfo[],
  localPods: readonly PodInfo[],
  version: string,
): KubeRouterState {
  const sets: IpSet[] = []
  const policyRules: string[] = []
  for (const policy of policies) {
    const chain = policyChain(policy.namespace, policy.name, version)
    for (const direction of ['ingress', 'egress'] as const) {
      const rules = policy.rules[direction]
      if (rules === null) continue
      const target = targetSet(policy.namespace, policy.name, direction)
      sets.push({ name: target, type: 'hash:ip', entries: policy.targets.map((pod) => pod.ip) })
      rules.forEach((rule, index) => {
        policyRules.push(...ruleLines(policy, direction, rule, index, chain, target, sets))
      })
    }
    const limit = policy.annotations['kube-router.io/netpol-nflog-limit'] ?? '10/minute'
    const burst = policy.annotations['kube-router.io/netpol-nflog-limit-burst'] ?? '10'
    policyRules.push(
      `-A ${chain} -m comment --comment "rule to log dropped traffic" -m limit --limit ${limit} --limit-burst ${burst} -m mark ! --mark ${allow} -j NFLOG --nflog-group 100 --nflog-prefix "DROP by policy ${logName(policy)}"`,
    )
  }
  return {
    policyChains: policies.map((policy) => policyChain(policy.namespace, policy.name, version)),
    podChains: localPods.map((pod) => podChain(pod.namespace, pod.name, version)),
    policyRules,
    podRules: localPods.flatMap((pod) => podLines(pod, policies, version)),
    // A named port used with two kinds of peer names its set twice.
    sets: [...new Map(sets.map((set) => [set.name, set])).values()],
  }
}

/** NFLOG prefixes end at 64 bytes; kube-router keeps `<ns>/<name>` within 48. */
function logName(policy: PolicyInfo): string {
  const { namespace, name } = policy
  if (namespace.length + name.length < 48) return `${namespace}/${name}`
  if (namespace.length < 24) return `${namespace}/${name.slice(0, 47 - namespace.length)}`
  if (name.length < 24) return `${namespace.slice(0, 47 - name.length)}/${name}`
  return `${namespace.slice(0, 23)}/${name.slice(0, 23)}`
}

function ruleLines(
  policy: PolicyInfo,
  direction: Direction,
  rule: PolicyRule,
  index: number,
  chain: string,
  target: string,
  sets: IpSet[],
): string[] {
  const ingress = direction === 'ingress'
  const where = `${policy.name} namespace ${policy.namespace}`
  const comments = {
    // kube-router writes this one without the colon.
    pods: `rule to ACCEPT traffic from source pods to dest pods selected by policy name ${where}`,
    any: ingress
      ? `rule to ACCEPT traffic from all sources to dest pods selected by policy name: ${where}`
      : `rule to ACCEPT traffic from source pods to all destinations selected by policy name: ${where}`,
    blocks: ingress
      ? `rule to ACCEPT traffic from specified ipBlocks to dest pods selected by policy name: ${where}`
      : `rule to ACCEPT traffic from source pods to specified ipBlocks selected by policy name: ${where}`,
  }
  const pair = (
    comment: string,
    source: string,
    destination: string,
    protocol = '',
    port = '',
    endPort = '',
  ): string[] => {
    const match = [
      `-A ${chain}`,
      ...(protocol === '' ? [] : [`-p ${protocol.toLowerCase()}`]),
      `-m comment --comment "${comment}"`,
      ...(source === '' ? [] : [`-m set --match-set ${source} src`]),
      ...(destination === '' ? [] : [`-m set --match-set ${destination} dst`]),
      ...(port === '' ? [] : [`-m ${protocol.toLowerCase()} --dport ${endPort === '' ? port : `${port}:${endPort}`}`]),
    ].join(' ')
    return [`${match} -j MARK --set-xmark ${allow}`, `${match} -m mark --mark ${allow} -j RETURN`]
  }
  const named = (port: number): string => {
    const name = namedPortSet(policy.namespace, policy.name, direction, index, port)
    sets.push({ name, type: 'hash:ip', entries: rule.namedPorts[port]?.ips ?? [] })
    return name
  }
  const lines: string[] = []
  if (rule.pods.length > 0) {
    const peers = peerSet(policy.namespace, policy.name, direction, index, 'pod')
    sets.push({ name: peers, type: 'hash:ip', entries: rule.pods.map((pod) => pod.ip) })
    const [source, destination] = ingress ? [peers, target] : [target, peers]
    for (const { protocol, port, endPort } of rule.ports)
      lines.push(...pair(comments.pods, source, destination, protocol, port, endPort))
    rule.namedPorts.forEach(({ protocol, port, endPort }, at) => {
      lines.push(...pair(comments.pods, source, named(at), protocol, port, endPort))
    })
    if (rule.anyPort) lines.push(...pair(comments.pods, source, destination))
  }
  if (rule.anyPeer) {
    const [source, destination] = ingress ? ['', target] : [target, '']
    for (const { protocol, port, endPort } of rule.ports)
      lines.push(...pair(comments.any, source, destination, protocol, port, endPort))
    rule.namedPorts.forEach(({ protocol, port, endPort }, at) => {
      lines.push(...pair(comments.any, source, ingress ? named(at) : '', protocol, port, endPort))
    })
    if (rule.anyPort) lines.push(...pair(comments.any, source, destination))
  }
  if (rule.blocks.length > 0) {
    const blocks = peerSet(policy.namespace, policy.name, direction, index, 'ipblock')
    const entries = rule.blocks.map(({ cidr, nomatch }) => `${cidr}${nomatch ? ' nomatch' : ''}`)
    sets.push({ name: blocks, type: 'hash:net', entries })
    const [source, destination] = ingress ? [blocks, target] : [target, blocks]
    for (const { protocol, port, endPort } of rule.ports)
      lines.push(...pair(comments.blocks, source, destination, protocol, port, endPort))
    if (ingress) {
      rule.namedPorts.forEach(({ protocol, port, endPort }, at) => {
        lines.push(...pair(comments.blocks, source, named(at), protocol, port, endPort))
      })
    }
    if (rule.anyPort) lines.push(...pair(comments.blocks, source, destination))
  }
  return lines
}

function podLines(pod: PodInfo, policies: readonly PolicyInfo[], version: string): string[] {
  const chain = podChain(pod.namespace, pod.name, version)
  const which = `POD name:${pod.name} namespace: ${pod.namespace}`
  const selecting = policies.filter((policy) => policy.targets.some((target) => target.ip === pod.ip))
  const hasIngress = selecting.some((policy) => policy.rules.ingress !== null)
  const hasEgress = selecting.some((policy) => policy.rules.egress !== null)
  const to = `-d ${pod.ip}/32`
  const from = `-s ${pod.ip}/32`
  const comment = (text: string): string => `-m comment --comment "${text}"`
  const jumpTo = `${comment(`rule to jump traffic destined to ${which} to chain ${chain}`)} -j ${chain}`
  const jumpFrom = `${comment(`rule to jump traffic from ${which} to chain ${chain}`)} -j ${chain}`
  const bridged = '-m physdev --physdev-is-bridged'
  return [
    `-A ${chain} ${comment('common bi-directional traffic policy rules')} -j KUBE-NWPLCY-COMMON`,
    `-A ${chain} ${to} ${comment("rule to permit the traffic traffic to pods when source is the pod's local node")} -m addrtype --src-type LOCAL -j ACCEPT`,
    ...(hasEgress
      ? []
      : [`-A ${chain} ${from} ${comment('run through default egress network policy chain')} -j KUBE-NWPLCY-DEFAULT`]),
    ...(hasIngress
      ? []
      : [`-A ${chain} ${to} ${comment('run through default ingress network policy chain')} -j KUBE-NWPLCY-DEFAULT`]),
    // Each was inserted at the top, so the last policy stands first.
    ...selecting.toReversed().map((policy) => {
      const both = policy.rules.ingress !== null && policy.rules.egress !== null
      const side = both ? '' : policy.rules.ingress !== null ? `${to} ` : `${from} `
      return `-A ${chain} ${side}${comment(`run through nw policy ${policy.name}`)} -j ${policyChain(policy.namespace, policy.name, version)}`
    }),
    `-A KUBE-ROUTER-FORWARD ${to} ${jumpTo}`,
    `-A KUBE-ROUTER-OUTPUT ${to} ${jumpTo}`,
    `-A KUBE-ROUTER-FORWARD ${to} ${bridged} ${jumpTo}`,
    ...['INPUT', 'FORWARD', 'OUTPUT'].map((builtin) => `-A KUBE-ROUTER-${builtin} ${from} ${jumpFrom}`),
    `-A KUBE-ROUTER-FORWARD ${from} ${bridged} ${jumpFrom}`,
    `-A ${chain} ${comment(`rule to log dropped traffic ${which}`)} -m mark ! --mark ${allow} -m limit --limit 10/minute --limit-burst 10 -j NFLOG --nflog-group 100`,
    `-A ${chain} ${comment(`rule to REJECT traffic destined for ${which}`)} -m mark ! --mark ${allow} -j REJECT`,
    `-A ${chain} -j MARK --set-mark 0/0x10000`,
    `-A ${chain} ${comment('set mark to ACCEPT traffic that comply to network policies')} -j MARK --set-mark 0x20000/0x20000`,
  ]
}
