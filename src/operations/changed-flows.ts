import ipaddr from 'ipaddr.js'
import type { Facts } from '../facts/facts.ts'
import { inNetwork } from '../facts/in-network.ts'
import type { PolicyPeer, PolicySpec } from '../facts/policies.ts'
import type { KubePod } from '../probes/pairs.ts'
import {
  type Direction,
  type End,
  type Enforcer,
  type Flow,
  matches,
  policiesOf,
  policyVerdict,
} from '../probes/policy-verdict.ts'

type Policy = Facts['kube']['policies'][number]

/** A policy that does not say the same under Cilium, and what of today's traffic depends on it. */
export interface ChangedPolicy {
  policy: string
  /** ip-block: it names addresses of pods or nodes. both-directions: kube-router reads its rules in both directions. */
  causes: ('ip-block' | 'both-directions')[]
  /** Ranges of its that hold addresses of the cluster. */
  ranges: string[]
  /** `from -> to:port/protocol`: let through today (or perhaps, where it depends on the route), dropped under Cilium. */
  lost: string[]
  /** Flows that it no longer allows and that other policies still do, or that were denied anyway. */
  unharmed: number
  /** Services by whose node ports or load balancer the pods it selects are reached: nodes are then the source. */
  exposedBy: string[]
  selectsNothing: boolean
}

const isAlive = (pod: KubePod) => pod.ip !== null && !pod.hostNetwork && !['Succeeded', 'Failed'].includes(pod.phase)

const peersOf = ({ ingress, egress }: PolicySpec): PolicyPeer[] => [
  ...ingress.flatMap(({ from }) => from),
  ...egress.flatMap(({ to }) => to),
]

const blocksOf = ({ spec }: Policy) => peersOf(spec).flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : []))

const selectorKeys = ({ matchLabels, matchExpressions }: PolicySpec['podSelector']) => [
  ...Object.keys(matchLabels),
  ...matchExpressions.map(({ key }) => key),
]

/** Whether a range of a policy holds an address; `except` taken out. */
const inBlock = (address: string | null, { cidr, except }: NonNullable<PolicyPeer['ipBlock']>): boolean =>
  inNetwork(address, cidr) && !except.some((one) => inNetwork(address, one))

/**
 * Two pods for all that no policy tells apart, because they may talk to each other: same namespace, ports and labels as far as
 * any policy asks for them, and in the same ranges. Some dozens stand for thousands.
 */
function representatives(facts: Facts): KubePod[] {
  const { policies, pods } = facts.kube
  const keys = new Set(
    policies.flatMap(({ spec }) => [
      ...selectorKeys(spec.podSelector),
      ...peersOf(spec).flatMap(({ podSelector }) => (podSelector === null ? [] : selectorKeys(podSelector))),
    ]),
  )
  // The same few ranges stand in many policies.
  const blocks = [...new Map(policies.flatMap(blocksOf).map((block) => [JSON.stringify(block), block])).values()]
  const keyOf = (pod: KubePod) =>
    JSON.stringify([
      pod.namespace,
      [...keys].map((key) => pod.labels[key] ?? null),
      pod.containerPorts ?? pod.ports,
      blocks.map((block) => inBlock(pod.ip, block)),
    ])
  return [...Map.groupBy(pods.filter(isAlive), keyOf).values()].flatMap((alike) => alike.slice(0, 2))
}

/** A node by all addresses that its processes may show: its own, flannel.1's and cni0's. */
function nodeEnds(facts: Facts): Extract<End, { kind: 'node' }>[] {
  return facts.kube.nodes.map(({ name, internalIp, podCidr }) => {
    const base = podCidr?.split('/')[0]
    const gateways =
      base !== undefined && ipaddr.IPv4.isValid(base)
        ? [base, base.replace(/\d+$/, (last) => String(Number(last) + 1))]
        : []
    return { kind: 'node', name, addresses: [internalIp, ...gateways].filter((address) => address !== '') }
  })
}

const isProtocol = (text: string): text is Flow['protocol'] => ['TCP', 'UDP', 'SCTP'].includes(text)

/** What can be asked for at an end: what its containers name, else what the policy does. */
function portsAt(facts: Facts, to: End, { spec }: Policy): { port: number; protocol: Flow['protocol'] }[] {
  const ofPolicy = [...spec.ingress, ...spec.egress]
    .flatMap(({ ports }) => ports)
    .flatMap(({ port, protocol }) => (typeof port === 'number' ? [{ port, protocol }] : []))
  const ofPod =
    to.kind === 'pod'
      ? (to.pod.containerPorts ?? to.pod.ports.map((port) => ({ port, protocol: 'TCP' })))
      : [
          { port: 10250, protocol: 'TCP' },
          ...(to.kind === 'node' && isServer(facts, to.name) ? [{ port: 6443, protocol: 'TCP' }] : []),
        ]
  const all = to.kind === 'node' ? [...ofPod, ...ofPolicy] : ofPod.length > 0 ? ofPod : ofPolicy
  const unique = new Map(all.map(({ port, protocol }) => [`${port}/${protocol}`, { port, protocol }]))
  return [...unique.values()].flatMap(({ port, protocol }) => (isProtocol(protocol) ? [{ port, protocol }] : []))
}

const isServer = (facts: Facts, name: string) => facts.nodes[name]?.unit.role === 'server'

/** Pods by what owns them: their own names are gone tomorrow. */
function nameOf(facts: Facts, end: End, port: number | null): string {
  if (end.kind === 'address') return end.address
  if (end.kind === 'node') return port === 6443 && isServer(facts, end.name) ? 'the API servers' : 'nodes'
  const { namespace, name, owner, labels } = end.pod
  const hash = labels['pod-template-hash']
  const ofOwner = owner?.split('/')[1] ?? name
  return `${namespace}/${hash !== undefined && ofOwner.endsWith(`-${hash}`) ? ofOwner.slice(0, -hash.length - 1) : ofOwner}`
}

/** The same words, said twice: a policy for each direction, which kube-router then reads in that direction only. */
function apart(policy: Policy): Policy[] {
  const { spec } = policy
  const types = spec.policyTypes ?? (spec.egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
  return types.map((type) => ({ ...policy, spec: { ...spec, policyTypes: [type] } }))
}

function exposedBy(facts: Facts, pods: readonly KubePod[]): string[] {
  return facts.kube.services
    .filter(({ type, selector }) => type !== 'ClusterIP' && Object.keys(selector).length > 0)
    .filter((service) =>
      pods.some(
        (pod) =>
          pod.namespace === service.namespace &&
          matches({ matchLabels: service.selector, matchExpressions: [] }, pod.labels),
      ),
    )
    .map(({ namespace, name }) => `${namespace}/${name}`)
}

/**
 * Every policy that will not say the same under Cilium, by asking both ways of reading about everything that runs
 * (policy-verdict.ts). `nodesMatch`: Cilium is told to let ranges match nodes (policyCIDRMatchMode).
 */
export function changedPolicies(facts: Facts, nodesMatch: boolean): ChangedPolicy[] {
  const pods = representatives(facts)
  const nodes = nodesMatch ? [] : nodeEnds(facts)
  const ends: End[] = [...pods.map((pod): End => ({ kind: 'pod', pod })), ...nodes]
  const addresses = [...facts.kube.pods.filter(isAlive).map(({ ip }) => ip), ...nodes.flatMap((node) => node.addresses)]
  const suspects = facts.kube.policies.filter(
    ({ spec }) =>
      peersOf(spec).some(({ ipBlock }) => ipBlock !== null) ||
      (spec.egress.length > 0 && spec.policyTypes?.length !== 1),
  )
  const byNamespace = Map.groupBy(facts.kube.policies, ({ namespace }) => namespace)
  return suspects.flatMap((policy) => {
    const blocks = blocksOf(policy)
    const halves = apart(policy)
    const [lost, causes] = [new Set<string>(), new Set<ChangedPolicy['causes'][number]>()]
    let unharmed = 0
    const say = (flow: Flow, policies: readonly Policy[], enforcer: Enforcer) =>
      policyVerdict({ ...facts.kube, policies: [...policies] }, flow, enforcer).allowed
    const ask = (flow: Flow) => {
      const [today, then] = [say(flow, [policy], 'kube-router'), say(flow, [policy], 'cilium')]
      if (today === then) return
      const strictly = say(flow, halves, 'kube-router')
      if (strictly !== then) causes.add('ip-block')
      if (strictly !== today) causes.add('both-directions')
      const all = [flow.from, flow.to].flatMap((end) =>
        end.kind === 'pod' ? (byNamespace.get(end.pod.namespace) ?? []) : [],
      )
      const [before, after] = [say(flow, all, 'kube-router'), say(flow, all, 'cilium')]
      if (before === false || after !== false) unharmed++
      else
        lost.add(
          `${nameOf(facts, flow.from, null)} -> ${nameOf(facts, flow.to, flow.port)}:${flow.port}/${flow.protocol.toLowerCase()}`,
        )
    }
    const directions: readonly Direction[] = ['Ingress', 'Egress']
    const selected = directions.map((direction) =>
      pods.filter((pod) => policiesOf([policy], pod, direction).length > 0),
    )
    // Anybody else is read the same way by both: neither in a range of its, nor selected itself.
    const held = (address: string | null) => blocks.some((block) => inBlock(address, block))
    const matters = (peer: End) =>
      peer.kind === 'pod'
        ? held(peer.pod.ip) || selected.some((pods) => pods.includes(peer.pod))
        : peer.kind === 'node' && peer.addresses.some(held)
    for (const [index, direction] of directions.entries())
      for (const pod of selected[index] ?? [])
        for (const peer of ends) {
          if ((peer.kind === 'pod' && peer.pod === pod) || !matters(peer)) continue
          const own: End = { kind: 'pod', pod }
          const [from, to] = direction === 'Ingress' ? [peer, own] : [own, peer]
          for (const port of portsAt(facts, to, policy)) ask({ from, to, ...port })
        }
    const ranges = blocks
      .filter((block) => addresses.some((address) => inBlock(address, block)))
      .map(({ cidr }) => cidr)
    const selectsNothing = selected.flat().length === 0
    if (lost.size + unharmed === 0 && !(selectsNothing && ranges.length > 0)) return []
    return [
      {
        policy: `${policy.namespace}/${policy.name}`,
        causes: [...causes],
        ranges: [...new Set(ranges)],
        lost: [...lost].sort(),
        unharmed,
        exposedBy: exposedBy(facts, selected[0] ?? []),
        selectsNothing,
      },
    ]
  })
}
