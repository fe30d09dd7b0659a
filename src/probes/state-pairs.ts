import type { Facts } from '../facts/facts.ts'
import { isDns, isServer, sourcesOf } from './choose-pairs.ts'
import { considered } from './considered.ts'
import { type KubePod, nodeAddress, type Pair, pair, podName } from './pairs.ts'
import { type End, policyVerdict } from './policy-verdict.ts'
import { varied } from './varied.ts'

/** A pair of which the cluster's own objects say whether it must connect. */
export interface StatePair extends Pair {
  fromNode: string
  toNode: string | null
  /** By the NetworkPolicies as Cilium reads them. */
  allowed: boolean
  /** As kube-router reads them, if otherwise: an ipBlock holds pods and nodes only there (cilium.md §6.1). */
  allowedBefore: boolean
}

export interface HostPortPair extends StatePair {
  /** The same pod from the same source, by its own address. */
  direct: Pair
  pod: string
}

/** So many allowed and so many denied sources of each pod, and destinations of each pod. */
const perDestination = 2
const perSource = 1
const podsPerNamespace = 2
/** Pods that are connected to at most: each is a handful of connections at once. */
export const mostServers = 200

/** Ports of pods, asked from their own node, which always reaches its pods: whether anything answers there. */
export const serversToAsk = (facts: Facts): Pair[] =>
  servers(facts).map((pod) => pair(`node:${pod.node}`, podName(pod), pod.ports[0] ?? 0))

/**
 * Every pod that answers (`answering`: `namespace/pod`), from pods and nodes that policies allow and that they deny; and of
 * every pod a destination of each kind. A policy that holds nowhere but at one pod is still met.
 */
export function policyPairs(facts: Facts, answering: ReadonlySet<string>): StatePair[] {
  const sources = considered(sourcesOf(facts), facts)
  // In this mode an ipBlock may hold nodes (cilium.md §6.2): nothing is said of them.
  const nodes = facts.kube.cilium.config?.['policy-cidr-match-mode']?.includes('nodes') ? [] : Object.keys(facts.nodes)
  const all = servers(facts)
    .filter((pod) => answering.has(podName(pod)))
    .flatMap((to) => [
      ...sources.filter((from) => from !== to).flatMap((from) => podToPod(facts, from, to)),
      ...nodes.filter((name) => name !== to.node).flatMap((name) => nodeToPod(facts, name, to)),
    ])
  const chosen = [
    ...[...Map.groupBy(all, ({ to }) => to).values()].flatMap((list) => bothKinds(list, perDestination)),
    ...[...Map.groupBy(all, ({ from }) => from).values()].flatMap((list) => bothKinds(list, perSource)),
  ]
  return [...new Map(chosen.map((one) => [one.id, one])).values()]
}

/** DNS from pods of every namespace, on as many nodes as it has. */
export function dnsPairs(facts: Facts): StatePair[] {
  const sources = considered(sourcesOf(facts), facts)
  return facts.kube.services.filter(isDns).flatMap((service) => {
    const port = service.ports.find(({ protocol }) => protocol === 'UDP')
    const backends = facts.kube.pods.filter((pod) =>
      Object.entries(service.selector).every(
        ([key, value]) => pod.namespace === service.namespace && pod.labels[key] === value,
      ),
    )
    if (!port || backends.length === 0) return []
    const target = typeof port.targetPort === 'number' ? port.targetPort : port.port
    return [...Map.groupBy(sources, ({ namespace }) => namespace).values()].flatMap((pods) => {
      const list = pods
        .filter((from) => !backends.includes(from))
        .map((from) => {
          const verdicts = backends.map((to) =>
            verdictOf(facts, { kind: 'pod', pod: from }, { kind: 'pod', pod: to }, target, 'UDP'),
          )
          return {
            ...pair(podName(from), `dns:${podName(service)}`, port.port, 'dns'),
            fromNode: from.node ?? '',
            toNode: null,
            allowed: verdicts.every((one) => one?.allowed === true),
            allowedBefore: verdicts.every((one) => one?.allowedBefore === true),
          }
        })
      return bothKinds(list, podsPerNamespace)
    })
  })
}

/** Host ports from another node, each beside the pod's own address; without another node, none. */
export function hostPortPairs(facts: Facts): HostPortPair[] {
  const names = Object.keys(facts.nodes)
  return facts.kube.pods
    .filter((pod) => isServer(pod, facts))
    .flatMap((to) => {
      const fromNode = names[(names.indexOf(to.node ?? '') + 1) % names.length]
      if (fromNode === undefined || fromNode === to.node) return []
      return (to.containerPorts ?? []).flatMap(({ port, hostPort, protocol }): HostPortPair[] => {
        if (hostPort === null || protocol !== 'TCP') return []
        const verdict = verdictOf(facts, nodeEnd(facts, fromNode), { kind: 'pod', pod: to }, port, 'TCP')
        if (!verdict) return []
        const from = `node:${fromNode}`
        return [
          {
            ...pair(from, `host-port:${to.node}`, hostPort),
            ...verdict,
            fromNode,
            toNode: to.node,
            direct: pair(from, podName(to), port),
            pod: podName(to),
          },
        ]
      })
    })
}

const servers = (facts: Facts) => facts.kube.pods.filter((pod) => isServer(pod, facts)).slice(0, mostServers)

const nodeEnd = (facts: Facts, name: string): End => ({
  kind: 'node',
  name,
  addresses: [nodeAddress(name, facts) ?? ''].filter((one) => one !== ''),
})

function podToPod(facts: Facts, from: KubePod, to: KubePod): StatePair[] {
  const port = to.ports[0] ?? 0
  const verdict = verdictOf(facts, { kind: 'pod', pod: from }, { kind: 'pod', pod: to }, port, 'TCP')
  if (!verdict) return []
  return [{ ...pair(podName(from), podName(to), port), ...verdict, fromNode: from.node ?? '', toNode: to.node }]
}

function nodeToPod(facts: Facts, name: string, to: KubePod): StatePair[] {
  const port = to.ports[0] ?? 0
  const verdict = verdictOf(facts, nodeEnd(facts, name), { kind: 'pod', pod: to }, port, 'TCP')
  return verdict ? [{ ...pair(`node:${name}`, podName(to), port), ...verdict, fromNode: name, toNode: to.node }] : []
}

function verdictOf(facts: Facts, from: End, to: End, port: number, protocol: 'TCP' | 'UDP') {
  const flow = { from, to, port, protocol }
  const { allowed } = policyVerdict(facts.kube, flow, 'cilium')
  // Which of a node's addresses kube-router would have seen is not known: then nothing is said of before.
  const allowedBefore = policyVerdict(facts.kube, flow, 'kube-router').allowed ?? allowed
  return allowed === null || allowedBefore === null ? null : { allowed, allowedBefore }
}

function bothKinds(list: readonly StatePair[], count: number): StatePair[] {
  const traits = (one: StatePair) => [
    `from ${one.from}`,
    `to ${one.to}`,
    `nodes ${one.fromNode}>${one.toNode}`,
    `namespace ${one.from.split('/')[0]}`,
  ]
  const some = (wanted: boolean) =>
    varied(
      list.filter(({ allowed }) => allowed === wanted).map((one) => ({ ...one, traits: traits(one) })),
      count,
    )
  return [...some(true), ...some(false)].map(({ traits: _, ...one }) => one)
}
