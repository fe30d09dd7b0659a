import type { ApiObject } from '../../context.ts'
import { type LabelSelector, selects } from '../selectors.ts'
import type { Direction } from './names.ts'

export interface PodInfo {
  name: string
  namespace: string
  ip: string
  hostIp: string
  labels: Record<string, string>
  ports: { name: string | undefined; port: number; protocol: string }[]
}

export interface PortMatch {
  protocol: string
  /** Empty: any port of the protocol. */
  port: string
  endPort: string
}

export interface NamedPort extends PortMatch {
  /** Pods whose port of that name has this number. */
  ips: string[]
}

export interface PolicyRule {
  /** No `from` or `to`: any peer. */
  anyPeer: boolean
  anyPort: boolean
  pods: PodInfo[]
  blocks: { cidr: string; nomatch: boolean }[]
  ports: PortMatch[]
  namedPorts: NamedPort[]
}

export interface PolicyInfo {
  name: string
  namespace: string
  annotations: Record<string, string>
  targets: PodInfo[]
  rules: Record<Direction, PolicyRule[] | null>
}

interface Peer {
  podSelector?: LabelSelector
  namespaceSelector?: LabelSelector
  ipBlock?: { cidr: string; except?: string[] }
}

interface SpecRule {
  from?: Peer[]
  to?: Peer[]
  ports?: { protocol?: string; port?: number | string; endPort?: number }[]
}

/** The pods kube-router acts on: those with an address of their own that have not ended. */
export function actionablePods(pods: readonly ApiObject[]): PodInfo[] {
  return pods.flatMap((pod) => {
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    if (ended || !pod.status?.podIP || pod.spec?.hostNetwork === true) return []
    const containers = (pod.spec?.containers ?? []) as {
      ports?: { name?: string; containerPort: number; protocol?: string }[]
    }[]
    return [
      {
        name: pod.metadata.name,
        namespace: pod.metadata.namespace ?? '',
        ip: String(pod.status.podIP),
        hostIp: String(pod.status.hostIP ?? ''),
        labels: pod.metadata.labels ?? {},
        ports: containers.flatMap((container) =>
          (container.ports ?? []).map((port) => ({
            name: port.name,
            port: port.containerPort,
            protocol: port.protocol ?? 'TCP',
          })),
        ),
      },
    ]
  })
}

/** What each NetworkPolicy comes to for the pods and namespaces of now. */
export function resolvePolicies(
  policies: readonly ApiObject[],
  pods: readonly PodInfo[],
  namespaces: readonly ApiObject[],
): PolicyInfo[] {
  return policies.map((policy) => {
    const namespace = policy.metadata.namespace ?? ''
    const spec = policy.spec as {
      podSelector?: LabelSelector
      policyTypes?: string[]
      ingress?: SpecRule[]
      egress?: SpecRule[]
    }
    const here = pods.filter((pod) => pod.namespace === namespace)
    const targets = here.filter((pod) => selects(spec.podSelector ?? {}, pod.labels))
    const types = spec.policyTypes ?? (spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress'])
    const peersOf = (peers: Peer[]): PodInfo[] =>
      peers.flatMap((peer) => {
        if (peer.namespaceSelector === undefined) {
          const selector = peer.podSelector
          return selector === undefined ? [] : here.filter((pod) => selects(selector, pod.labels))
        }
        const wanted = peer.namespaceSelector
        const chosen = new Set(
          namespaces.filter((one) => selects(wanted, one.metadata.labels)).map((one) => one.metadata.name),
        )
        return pods.filter((pod) => chosen.has(pod.namespace) && selects(peer.podSelector ?? {}, pod.labels))
      })
    const resolve = (rule: SpecRule, direction: Direction): PolicyRule => {
      const peers = (direction === 'ingress' ? rule.from : rule.to) ?? []
      const peerPods = peersOf(peers)
      // A named port is the number it has in the pods that are connected to.
      const listeners = direction === 'ingress' ? targets : peers.length === 0 ? here : peerPods
      return {
        anyPeer: peers.length === 0,
        anyPort: (rule.ports ?? []).length === 0,
        pods: peerPods,
        blocks: peers.flatMap((peer) => (peer.ipBlock === undefined ? [] : blockEntries(peer.ipBlock))),
        ...portsOf(rule.ports ?? [], listeners),
      }
    }
    return {
      name: policy.metadata.name,
      namespace,
      annotations: policy.metadata.annotations ?? {},
      targets,
      rules: {
        ingress: types.includes('Ingress') ? (spec.ingress ?? []).map((rule) => resolve(rule, 'ingress')) : null,
        egress: types.includes('Egress') ? (spec.egress ?? []).map((rule) => resolve(rule, 'egress')) : null,
      },
    }
  })
}

/** ipset takes no /0, so kube-router stores its two halves. */
function blockEntries(block: { cidr: string; except?: string[] }): PolicyRule['blocks'] {
  const halves = (cidr: string): string[] => (cidr.endsWith('/0') ? ['0.0.0.0/1', '128.0.0.0/1'] : [cidr])
  return [
    ...halves(block.cidr).map((cidr) => ({ cidr, nomatch: false })),
    ...(block.except ?? []).flatMap(halves).map((cidr) => ({ cidr, nomatch: true })),
  ]
}

function portsOf(
  ports: NonNullable<SpecRule['ports']>,
  listeners: readonly PodInfo[],
): { ports: PortMatch[]; namedPorts: NamedPort[] } {
  const numbered: PortMatch[] = []
  const named: NamedPort[] = []
  for (const { protocol = 'TCP', port, endPort } of ports) {
    if (typeof port !== 'string') {
      numbered.push({
        protocol,
        port: port === undefined ? '' : String(port),
        endPort: endPort === undefined ? '' : String(endPort),
      })
      continue
    }
    const byNumber = new Map<number, string[]>()
    for (const pod of listeners) {
      for (const one of pod.ports) {
        if (one.name !== port || one.protocol !== protocol) continue
        byNumber.set(one.port, [...(byNumber.get(one.port) ?? []), pod.ip])
      }
    }
    for (const [number, ips] of byNumber) named.push({ protocol, port: String(number), endPort: '', ips })
  }
  return { ports: numbered, namedPorts: named }
}
