import type { Facts } from '../facts/facts.ts'
import { inNetwork } from '../facts/in-network.ts'
import type { LabelSelector, PolicyPeer, PolicySpec } from '../facts/policies.ts'
import type { KubePod } from './pairs.ts'

type Policy = Facts['kube']['policies'][number]
type Namespace = Facts['kube']['namespaces'][number]

/**
 * One end of a connection. A node's own processes and its hostNetwork pods have no labels to a policy, only addresses
 * (facts 4.4); `addresses` are all that it may show, because the route decides.
 */
export type End =
  | { kind: 'pod'; pod: KubePod }
  | { kind: 'node'; name: string; addresses: readonly string[] }
  | { kind: 'address'; address: string }

export interface Flow {
  from: End
  to: End
  port: number
  protocol: 'TCP' | 'UDP' | 'SCTP'
}

export interface Verdict {
  /** A policy selects the source for egress, the destination for ingress. */
  fromSelected: boolean
  toSelected: boolean
  /** null: it depends on what a policy cannot be asked: which of a node's addresses the far end sees. */
  allowed: boolean | null
}

/** Who reads the policies: each has its own way where Kubernetes' words leave one, or where it departs from them. */
export type Enforcer = 'kube-router' | 'cilium'

/**
 * What all NetworkPolicies together say of a connection, as networking.k8s.io/v1 has it: an end that no policy selects in
 * that direction is open; one that is selected lets in what any of those policies lets in. Both ends must agree. A node
 * always reaches its own pods.
 *
 * kube-router: an ipBlock holds pods and nodes too. And a policy of both types is one chain, run in both directions: where
 * it selects both ends, its egress rule lets in as well, and its ingress rule lets out (seen in the recorded matrix of
 * K3s 1.21.3; facts 4.2 has the same jumps in v2.6).
 * Cilium: an ipBlock holds neither pods nor nodes (facts 6.1).
 */
export function policyVerdict(
  kube: Pick<Facts['kube'], 'policies' | 'namespaces'>,
  flow: Flow,
  enforcer: Enforcer = 'kube-router',
): Verdict {
  const context: Context = { flow, namespaces: kube.namespaces, enforcer }
  const egress = judge(kube.policies, 'Egress', flow.from, flow.to, context)
  const ingress = judge(kube.policies, 'Ingress', flow.to, flow.from, context)
  return { fromSelected: egress.selected, toSelected: ingress.selected, allowed: both(egress.allowed, ingress.allowed) }
}

interface Context {
  flow: Flow
  namespaces: readonly Namespace[]
  enforcer: Enforcer
}

function judge(
  policies: readonly Policy[],
  direction: Direction,
  own: End,
  peer: End,
  context: Context,
): { selected: boolean; allowed: boolean | null } {
  if (own.kind !== 'pod') return { selected: false, allowed: true }
  const selecting = policiesOf(policies, own.pod, direction)
  if (selecting.length === 0) return { selected: false, allowed: true }
  if (direction === 'Ingress' && peer.kind === 'node' && peer.name === own.pod.node) {
    return { selected: true, allowed: true }
  }
  const answers = aspects(peer).map((seen) =>
    selecting.some(
      (policy) =>
        admits(policy, direction, seen, context) ||
        (context.enforcer === 'kube-router' && admitsBackwards(policy, direction, own.pod, peer, context)),
    ),
  )
  return { selected: true, allowed: unanimous(answers) }
}

/** By a rule of the other direction of the same policy, which selects the peer too. */
function admitsBackwards(policy: Policy, direction: Direction, own: KubePod, peer: End, context: Context): boolean {
  const opposite = direction === 'Ingress' ? 'Egress' : 'Ingress'
  if (peer.kind !== 'pod' || policiesOf([policy], peer.pod, opposite).length === 0) return false
  return aspects({ kind: 'pod', pod: own }).some((seen) => admits(policy, opposite, seen, context))
}

/** The policies that select a pod in one direction. None select a pod of the host network. */
export function policiesOf(policies: readonly Policy[], pod: KubePod, direction: Direction): Policy[] {
  if (pod.hostNetwork) return []
  return policies.filter(
    ({ namespace, spec }) =>
      namespace === pod.namespace && typesOf(spec).includes(direction) && matches(spec.podSelector, pod.labels),
  )
}

export type Direction = 'Ingress' | 'Egress'

/** `policyTypes` left out: Ingress, and Egress when there is an egress rule. */
function typesOf({ policyTypes, egress }: PolicySpec): readonly string[] {
  return policyTypes ?? (egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
}

/** A peer as one rule sees it: labels, or one address. */
type Aspect = { pod: KubePod; addresses: readonly string[] } | { pod: null; address: string; ours: boolean }

function aspects(end: End): Aspect[] {
  if (end.kind === 'pod' && !end.pod.hostNetwork) {
    return [{ pod: end.pod, addresses: end.pod.ip === null ? [] : [end.pod.ip] }]
  }
  if (end.kind === 'address') return [{ pod: null, address: end.address, ours: false }]
  const addresses = end.kind === 'node' ? end.addresses : end.pod.ip === null ? [] : [end.pod.ip]
  return addresses.map((address) => ({ pod: null, address, ours: true }))
}

function admits({ namespace, spec }: Policy, direction: Direction, peer: Aspect, context: Context): boolean {
  const rules =
    direction === 'Ingress'
      ? spec.ingress.map(({ from, ports }) => ({ peers: from, ports }))
      : spec.egress.map(({ to, ports }) => ({ peers: to, ports }))
  return rules.some(
    ({ peers, ports }) =>
      (ports.length === 0 || ports.some((one) => isPort(one, context.flow))) &&
      (peers.length === 0 || peers.some((one) => isPeer(one, namespace, peer, context))),
  )
}

/** Named ports are those of the destination, in either direction. */
function isPort(rule: PolicySpec['ingress'][number]['ports'][number], asked: Flow): boolean {
  if (rule.protocol !== asked.protocol) return false
  if (rule.port === null) return true
  if (typeof rule.port === 'number') return asked.port >= rule.port && asked.port <= (rule.endPort ?? rule.port)
  if (asked.to.kind !== 'pod') return false
  const ports = asked.to.pod.containerPorts ?? []
  return ports.some(
    ({ name, port, protocol }) => name === rule.port && port === asked.port && protocol === asked.protocol,
  )
}

function isPeer(
  { podSelector, namespaceSelector, ipBlock }: PolicyPeer,
  policyNamespace: string,
  peer: Aspect,
  { namespaces, enforcer }: Context,
): boolean {
  if (ipBlock !== null) {
    if (enforcer === 'cilium' && (peer.pod !== null || peer.ours)) return false
    const addresses = peer.pod === null ? [peer.address] : peer.addresses
    return addresses.some(
      (address) => inNetwork(address, ipBlock.cidr) && !ipBlock.except.some((one) => inNetwork(address, one)),
    )
  }
  if (peer.pod === null) return false
  const { pod } = peer
  // Without a namespaceSelector the policy's own namespace is meant; with one and no podSelector, all pods of those.
  const inNamespace =
    namespaceSelector === null
      ? pod.namespace === policyNamespace
      : matches(namespaceSelector, namespaces.find(({ name }) => name === pod.namespace)?.labels ?? {})
  return inNamespace && (podSelector === null ? namespaceSelector !== null : matches(podSelector, pod.labels))
}

/** Both parts must match; an empty selector matches everything. */
export function matches({ matchLabels, matchExpressions }: LabelSelector, labels: Record<string, string>): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => own(labels, key) === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = own(labels, key)
      if (operator === 'In') return value !== undefined && values.includes(value)
      if (operator === 'NotIn') return value === undefined || !values.includes(value)
      if (operator === 'Exists') return value !== undefined
      return operator === 'DoesNotExist' && value === undefined
    })
  )
}

const own = (labels: Record<string, string>, key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined)

function unanimous(answers: readonly boolean[]): boolean | null {
  const [first] = answers
  return first !== undefined && answers.every((one) => one === first) ? first : null
}

/** One end that forbids is enough; of one that cannot be told, nothing is known. */
function both(a: boolean | null, b: boolean | null): boolean | null {
  if (a === false || b === false) return false
  return a === null || b === null ? null : true
}
