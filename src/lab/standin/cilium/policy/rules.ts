import type { ApiObject } from '../../context.ts'
import type { Endpoint } from '../identity.ts'
import { type LabelSelector, matches } from './selector.ts'

export type Enforcement = 'default' | 'always' | 'never'

interface Peer {
  podSelector?: LabelSelector
  namespaceSelector?: LabelSelector
  ipBlock?: { cidr: string; except?: string[] }
}

interface Port {
  protocol?: string
  port?: number | string
  endPort?: number
}

interface Rule {
  from?: Peer[]
  to?: Peer[]
  ports?: Port[]
}

/** What a pod may receive and send, as nft matches; null where nothing is enforced. */
export interface Verdict {
  ingress: string[] | null
  egress: string[] | null
}

type Direction = 'ingress' | 'egress'

function selected(peer: Peer, policyNamespace: string, endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter(({ namespace, labels, namespaceLabels }) => {
    const inNamespace =
      peer.namespaceSelector === undefined
        ? namespace === policyNamespace
        : matches(peer.namespaceSelector, namespaceLabels)
    return inNamespace && matches(peer.podSelector ?? {}, labels)
  })
}

/** A port as an nft match; a name is resolved on the endpoint that is connected to. */
function portMatch(port: Port, receiver: Endpoint | null): string | null {
  const protocol = (port.protocol ?? 'TCP').toLowerCase()
  if (port.port === undefined) return `meta l4proto ${protocol}`
  if (typeof port.port === 'number') {
    return `${protocol} dport ${port.port}${port.endPort === undefined ? '' : `-${port.endPort}`}`
  }
  const named = receiver?.namedPorts.find(
    (candidate) => candidate.name === port.port && candidate.protocol.toLowerCase() === protocol,
  )
  return named === undefined ? null : `${protocol} dport ${named.port}`
}

function portMatches(rule: Rule, receiver: Endpoint | null): string[] {
  const ports = rule.ports ?? []
  if (ports.length === 0) return ['']
  return ports.flatMap((port) => portMatch(port, receiver) ?? [])
}

function ruleLines(
  rule: Rule,
  direction: Direction,
  namespace: string,
  own: Endpoint,
  all: readonly Endpoint[],
): string[] {
  const side = direction === 'ingress' ? 'ip saddr' : 'ip daddr'
  const peers = (direction === 'ingress' ? rule.from : rule.to) ?? []
  const join = (...parts: string[]) => [...parts.filter((part) => part !== ''), 'accept'].join(' ')
  const byName = (rule.ports ?? []).some(({ port }) => typeof port === 'string')
  if (peers.length === 0) {
    // An egress port by name towards anybody: it means another number on each receiver.
    if (direction === 'egress' && byName) {
      return all.flatMap((peer) => portMatches(rule, peer).map((match) => join(`${side} ${peer.address}`, match)))
    }
    return portMatches(rule, direction === 'ingress' ? own : null).map((match) => join(match))
  }
  return peers.flatMap((peer) => {
    if (peer.ipBlock !== undefined) {
      const { cidr, except = [] } = peer.ipBlock
      // Addresses that have an identity in the cluster are never matched by an ipBlock.
      const block = [
        `${side} ${cidr}`,
        ...(except.length > 0 ? [`${side} != { ${except.join(', ')} }`] : []),
        `${side} != @cluster`,
      ].join(' ')
      return portMatches(rule, direction === 'ingress' ? own : null).map((match) => join(block, match))
    }
    const endpoints = selected(peer, namespace, all)
    if (endpoints.length === 0) return []
    if (direction === 'egress' && byName) {
      return endpoints.flatMap((to) => portMatches(rule, to).map((match) => join(`${side} ${to.address}`, match)))
    }
    const addresses = [...new Set(endpoints.map(({ address }) => address))].sort()
    return portMatches(rule, own).map((match) => join(`${side} { ${addresses.join(', ')} }`, match))
  })
}

function policyTypes(spec: { policyTypes?: string[]; egress?: unknown[] }): string[] {
  return spec.policyTypes ?? (spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress'])
}

/** NetworkPolicies of the cluster applied to one pod, with Cilium's reading of them. */
export function verdict(
  own: Endpoint,
  policies: readonly ApiObject[],
  endpoints: readonly Endpoint[],
  enforcement: Enforcement,
): Verdict {
  if (enforcement === 'never') return { ingress: null, egress: null }
  const result: Verdict = enforcement === 'always' ? { ingress: [], egress: [] } : { ingress: null, egress: null }
  for (const { metadata, spec } of policies) {
    const namespace = metadata.namespace ?? 'default'
    if (namespace !== own.namespace || !matches(spec.podSelector ?? {}, own.labels)) continue
    const types = policyTypes(spec)
    for (const [type, direction] of [
      ['Ingress', 'ingress'],
      ['Egress', 'egress'],
    ] as const) {
      if (!types.includes(type)) continue
      const rules: Rule[] = spec[direction] ?? []
      const lines = rules.flatMap((rule) => ruleLines(rule, direction, namespace, own, endpoints))
      result[direction] = [...new Set([...(result[direction] ?? []), ...lines])]
    }
  }
  return result
}
