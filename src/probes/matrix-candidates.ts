import { isIP, isIPv4 } from 'node:net'
import type { Facts } from '../facts/facts.ts'
import { isDns, isServer, isShortLived, sourcesOf } from './choose-pairs.ts'
import { considered } from './considered.ts'
import type { Series } from './evidence.ts'
import { type KubePod, nodeAddress, type Pair, type ProbeKind, pair, podName } from './pairs.ts'
import { type End, type Enforcer, type Flow, policyVerdict, type Verdict } from './policy-verdict.ts'
import { compare } from './varied.ts'

/** A pair, where its ends are, and what the policies say of it: a Series before its first attempt. */
export type MatrixPair = Pair &
  Pick<Series, 'fromNode' | 'toNode' | 'sort' | 'fromSelected' | 'toSelected'> & { allowed: boolean | null }

/**
 * What answers at `namespace/pod:port`, as seen from its own node, which always reaches its pods; null: nothing does.
 * What is not in it was not asked.
 */
export type Answering = ReadonlyMap<string, { http: boolean } | null>

/** Of each pod so many ports at most, and so many pods of the host network. */
const portsOfPod = 2
const hostPodsConsidered = 12

/** A pair that may be watched. */
export interface Candidate extends MatrixPair {
  /** What is to be varied among the chosen. */
  traits: readonly string[]
  /** A policy's selector names a hostNetwork pod of the source, which has no labels to it. */
  meant?: boolean
}

/** Ports of pods that may be destinations: they are to be asked first whether anything answers there. */
export function portsToAsk(facts: Facts): Pair[] {
  return [...servers(facts), ...hostServers(facts)].flatMap((pod) =>
    pod.ports
      .slice(0, portsOfPod)
      .map((port) => pair(`node:${pod.node}`, podName(pod), port, looksLikeHttp(pod, port) ? 'http' : 'tcp')),
  )
}

/**
 * All pairs that may be watched, with what policies say of them. A Service that policies judge by which backend it happens to
 * be is left out: nothing could be said of it.
 */
export function candidates(facts: Facts, answering: Answering, externalTargets: readonly string[]): Candidate[] {
  const enforcer = enforcerOf(facts)
  const view: View = {
    facts,
    answering,
    sources: considered(sourcesOf(facts), facts),
    verdictOf: (flow) => policyVerdict(facts.kube, flow, enforcer),
  }
  return [
    ...toPods(view),
    ...toServices(view),
    ...toHostPorts(view),
    ...toHostNetwork(view),
    ...toOutside(view, externalTargets),
  ]
}

interface View {
  facts: Facts
  answering: Answering
  sources: readonly KubePod[]
  verdictOf(flow: Flow): Verdict
}

function candidate(one: Pair, rest: Omit<MatrixPair, keyof Pair>, traits: readonly string[]): Candidate {
  return { ...one, ...rest, traits: [`from ${one.from}`, `to ${one.to}`, ...traits] }
}

/** Ports of pods at which something answers, or may. */
function destinations(pods: readonly KubePod[], answering: Answering) {
  return pods.flatMap((pod) =>
    pod.ports.slice(0, portsOfPod).flatMap((port) => {
      const answer = answering.get(`${podName(pod)}:${port}`)
      return answer === null ? [] : [{ pod, port, kind: answer?.http ? ('http' as const) : ('tcp' as const) }]
    }),
  )
}

function toPods({ facts, answering, sources, verdictOf }: View): Candidate[] {
  const hostPods = facts.kube.pods.filter((pod) => pod.hostNetwork && pod.phase === 'Running')
  return destinations(servers(facts), answering).flatMap(({ pod, port, kind }) => {
    const to: End = { kind: 'pod', pod }
    const toNode = pod.node
    const ofPods = sources.flatMap((from) => {
      if (from === pod) return []
      const verdict = verdictOf({ from: { kind: 'pod', pod: from }, to, port, protocol: 'TCP' })
      const sort = from.node === toNode ? ('same-node' as const) : ('cross-node' as const)
      return candidate(
        pair(podName(from), podName(pod), port, kind),
        { fromNode: from.node ?? '', toNode, sort, ...verdict },
        [`nodes ${from.node}>${toNode}`, `namespaces ${from.namespace}>${pod.namespace}`],
      )
    })
    const ofNodes = nodeNames(facts).map((name) => {
      const verdict = verdictOf({ from: nodeEnd(name, facts), to, port, protocol: 'TCP' })
      const meant =
        verdict.toSelected &&
        verdictOf({ from: nodeEnd(name, facts, elsewhere), to, port, protocol: 'TCP' }).allowed === false &&
        hostPods.some(
          (host) =>
            host.node === name &&
            verdictOf({ from: { kind: 'pod', pod: { ...host, hostNetwork: false } }, to, port, protocol: 'TCP' })
              .allowed === true,
        )
      const one = candidate(
        pair(`node:${name}`, podName(pod), port, kind),
        { fromNode: name, toNode, sort: 'node', ...verdict },
        [`nodes ${name}>${toNode}`, name === toNode ? 'own node' : 'other node'],
      )
      return { ...one, meant }
    })
    return [...ofPods, ...ofNodes]
  })
}

function toServices({ facts, answering, sources, verdictOf }: View): Candidate[] {
  return facts.kube.services.flatMap((service) => {
    const name = podName(service)
    const sort = isDns(service) ? ('dns' as const) : name === 'default/kubernetes' ? ('api' as const) : 'service'
    const protocol = sort === 'dns' ? 'UDP' : 'TCP'
    const port = service.ports.find((one) => one.protocol === protocol)
    if (!service.clusterIp || service.clusterIp === 'None' || !port) return []
    const backends = sort === 'api' ? apiEnds(facts) : backendsOf(service, port, facts)
    const answers = backends.map((one) => answerOf(one, answering))
    if (backends.length === 0 || (sort === 'service' && answers.includes(null))) return []
    const kind: ProbeKind = sort === 'dns' ? 'dns' : answers.every((one) => one?.http) ? 'http' : 'tcp'
    const [first, second] = backends
    const toNode = first && !second ? nodeOf(first.end) : null
    return sources.flatMap((from) => {
      // A pod that reaches itself by a Service is seen by policies as nobody else is.
      if (backends.some(({ end }) => end.kind === 'pod' && end.pod === from)) return []
      const verdict = unanimous(
        backends.map((one) => verdictOf({ from: { kind: 'pod', pod: from }, to: one.end, port: one.port, protocol })),
      )
      if (verdict.allowed === null) return []
      const to = sort === 'dns' ? `dns:${name}` : `service:${name}`
      return candidate(
        pair(podName(from), to, port.port, kind),
        { fromNode: from.node ?? '', toNode, sort, ...verdict },
        [`node ${from.node}`, `namespace ${from.namespace}`],
      )
    })
  })
}

function toHostPorts({ facts, verdictOf }: View): Candidate[] {
  return facts.kube.pods
    .filter((pod) => isServer(pod, facts))
    .flatMap((pod) =>
      (pod.containerPorts ?? []).flatMap(({ port, hostPort, protocol }) => {
        if (hostPort === null || protocol !== 'TCP' || pod.node === null) return []
        const toNode = pod.node
        return nodeNames(facts).flatMap((name) => {
          if (name === toNode) return []
          const from: End = { kind: 'node', name, addresses: present(nodeAddress(name, facts)) }
          const verdict = verdictOf({ from, to: { kind: 'pod', pod }, port, protocol: 'TCP' })
          // ServiceLB's pods hand on to a Service: what is behind it may be judged once more.
          const allowed = isServiceLb(pod) && verdict.allowed ? null : verdict.allowed
          return candidate(
            pair(`node:${name}`, `host-port:${toNode}`, hostPort),
            { fromNode: name, toNode, sort: 'host-port', ...verdict, allowed },
            [`nodes ${name}>${toNode}`],
          )
        })
      }),
    )
}

/**
 * Requests to pods of the host network, from another node: what stands in front of others there, as an ingress controller does,
 * shows in how long it takes what becomes of them (seed 003).
 */
function toHostNetwork({ facts, answering }: View): Candidate[] {
  return destinations(hostServers(facts), answering).flatMap(({ pod, port, kind }) =>
    nodeNames(facts).flatMap((name) => {
      if (name === pod.node) return []
      return candidate(
        pair(`node:${name}`, `host-port:${pod.node}`, port, kind),
        // No policy selects a pod of the host network.
        {
          ...{ fromNode: name, toNode: pod.node, sort: 'host-port' },
          ...{ fromSelected: false, toSelected: false, allowed: true },
        },
        [`nodes ${name}>${pod.node}`, kind],
      )
    }),
  )
}

function toOutside({ sources, verdictOf }: View, externalTargets: readonly string[]): Candidate[] {
  return externalTargets.flatMap((target) => {
    const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(target) ?? []
    if (host === undefined) return []
    return sources.map((from) => {
      const to: End = { kind: 'address', address: host }
      const verdict = verdictOf({ from: { kind: 'pod', pod: from }, to, port: Number(port), protocol: 'TCP' })
      // What a name leads to is not known here.
      const allowed = isIP(host) !== 0 || !verdict.fromSelected ? verdict.allowed : null
      return candidate(
        pair(podName(from), `external:${host}`, Number(port)),
        { fromNode: from.node ?? '', toNode: null, sort: 'external', ...verdict, allowed },
        [`node ${from.node}`],
      )
    })
  })
}

const nodeNames = (facts: Facts) => Object.keys(facts.nodes).toSorted(compare)
const present = <T>(value: T | null) => (value === null ? [] : [value])
const servers = (facts: Facts) =>
  considered(
    facts.kube.pods.filter((pod) => isServer(pod, facts)),
    facts,
  )
const hostServers = (facts: Facts) =>
  facts.kube.pods
    .filter((pod) => pod.hostNetwork && pod.phase === 'Running' && pod.ready && !isShortLived(pod))
    .toSorted((a, b) => compare(podName(a), podName(b)))
    .slice(0, hostPodsConsidered)
const isServiceLb = (pod: KubePod) => 'svccontroller.k3s.cattle.io/svcname' in pod.labels

/** Ports at which a `GET /` is nothing unusual; what else is there is only connected to. */
function looksLikeHttp(pod: KubePod, port: number): boolean {
  const name = pod.containerPorts?.find((one) => one.port === port && one.protocol === 'TCP')?.name ?? ''
  return /^(http|web|ui|api|metrics)(-|$)/.test(name) || [80, 3000, 5000, 8000, 8080, 8081, 8123, 9090].includes(port)
}

/** Who reads the policies: kube-router for as long as a node has it switched on. */
function enforcerOf(facts: Facts): Enforcer {
  const kubeRouter = Object.values(facts.nodes).some(
    ({ k3s }) => k3s.flags['disable-network-policy']?.value.toLowerCase() !== 'true',
  )
  return facts.kube.cilium.daemonSet !== null && !kubeRouter ? 'cilium' : 'kube-router'
}

/** No node's name: to a policy, a node that no pod runs on. */
const elsewhere = ''

/** A node shows the address of the link that the route to a pod leads over. */
export function nodeEnd(name: string, facts: Facts, as = name): End {
  const overlays = facts.nodes[name]?.network.links.filter(
    (link) => link.up && ['flannel.1', 'flannel-wg', 'cilium_host'].includes(link.name),
  )
  const addresses = (overlays ?? [])
    .flatMap((link) => link.addresses.map((one) => one.split('/')[0] ?? ''))
    .filter((one) => isIPv4(one))
  return { kind: 'node', name: as, addresses: [...present(nodeAddress(name, facts)), ...addresses] }
}

export interface Backend {
  end: End
  port: number
}

export function backendsOf(
  service: Facts['kube']['services'][number],
  port: Facts['kube']['services'][number]['ports'][number],
  { kube }: Facts,
): Backend[] {
  const selector = Object.entries(service.selector)
  if (selector.length === 0) return []
  const target = port.targetPort ?? port.port
  return kube.pods
    .filter((pod) => pod.namespace === service.namespace && pod.ready && pod.phase === 'Running')
    .filter((pod) => selector.every(([key, value]) => pod.labels[key] === value))
    .flatMap((pod) => {
      const named = pod.containerPorts?.find((one) => one.name === target && one.protocol === port.protocol)?.port
      const number = typeof target === 'number' ? target : named
      return number === undefined ? [] : [{ end: { kind: 'pod', pod } as const, port: number }]
    })
}

/** Behind the Service of the API are the servers themselves. */
function apiEnds(facts: Facts): Backend[] {
  return Object.values(facts.nodes)
    .filter((node) => node.unit.role === 'server')
    .map((node) => ({
      end: { kind: 'node', name: node.name, addresses: present(nodeAddress(node.name, facts)) },
      port: Number(node.k3s.flags['https-listen-port']?.value ?? 6443),
    }))
}

const nodeOf = (end: End) => (end.kind === 'pod' ? end.pod.node : end.kind === 'node' ? end.name : null)

const answerOf = ({ end, port }: Backend, answering: Answering) =>
  end.kind === 'pod' ? answering.get(`${podName(end.pod)}:${port}`) : undefined

/** One word over all backends; null where it depends on which one it is. */
export function unanimous(verdicts: readonly Verdict[]): Verdict {
  const [first] = verdicts
  return {
    fromSelected: verdicts.some((one) => one.fromSelected),
    toSelected: verdicts.some((one) => one.toSelected),
    allowed: first && verdicts.every((one) => one.allowed === first.allowed) ? first.allowed : null,
  }
}
