import type { Facts } from '../facts/facts.ts'

/** Who tries to reach whom, by name: it stays the same while pods come back with other addresses. */
export interface Pair {
  /** Unique; of printable characters without blanks. */
  id: string
  /** `namespace/pod`, or `node:NAME` for the node itself. */
  from: string
  /**
   * `namespace/pod`, `service:namespace/name`, `host-port:node`, `external:host`, or `dns:namespace/name`, which
   * may say what it is asked for: `dns:namespace/name@namespace/service` or `@host`; else for itself.
   */
  to: string
  port: number
  kind: ProbeKind
}

/** tcp: a connection is all. http: a question is asked, and its first byte waited for. */
export type ProbeKind = 'tcp' | 'http' | 'dns'

/** Where a pair is to be probed at the moment. */
export interface Target {
  id: string
  /** Path of the source's network namespace, or `-` for the node's own. */
  netns: string
  address: string
  port: number
  /** For DNS with the name that is asked for: `dns:example.org`. */
  kind: ProbeKind | `dns:${string}`
  /** Only in each so many-th round; absent: in every one. */
  every?: number
}

export type KubePod = Facts['kube']['pods'][number]

export const podName = (pod: Pick<KubePod, 'namespace' | 'name'>) => `${pod.namespace}/${pod.name}`

export function pair(from: string, to: string, port: number, kind: ProbeKind = 'tcp'): Pair {
  return { id: `${from}>${to}:${port}`, from, to, port, kind }
}

// What a node or the API says is not trusted to be harmless: it goes into a file of lines and tabs.
const plain = /^[A-Za-z0-9_.:/>@-]{1,600}$/

/** The targets of each node. Pairs whose source or destination is not there at the moment are left out. */
export function locate(pairs: readonly Pair[], facts: Facts): Map<string, Target[]> {
  const pods = new Map(facts.kube.pods.map((pod) => [podName(pod), pod]))
  const services = new Map(facts.kube.services.map((service) => [`${service.namespace}/${service.name}`, service]))
  const targets = new Map<string, Target[]>(Object.keys(facts.nodes).map((name) => [name, []]))
  for (const { id, from, to, port, kind } of pairs) {
    const source = sourceOf(from, facts, pods)
    const [scheme, name] = split(to)
    const address =
      scheme === 'external'
        ? name
        : scheme === 'pod'
          ? addressOf(pods.get(name), facts)
          : scheme === 'host-port'
            ? nodeAddress(name, facts)
            : (services.get(name)?.clusterIp ?? null)
    if (!source || !address) continue
    const asked = kind === 'dns' ? (`dns:${questionOf(to, facts)}` as const) : kind
    if (![id, source.netns, address, asked].every((text) => plain.test(text))) continue
    targets.get(source.node)?.push({ id, netns: source.netns, address, port, kind: asked })
  }
  return targets
}

function split(to: string): [scheme: string, name: string] {
  const match = /^(service|dns|host-port|external):(.*)$/.exec(withoutQuestion(to))
  return [match?.[1] ?? 'pod', match?.[2] ?? to]
}

/** The DNS Service alone, whatever it is asked for. */
export const withoutQuestion = (to: string): string => (to.startsWith('dns:') ? to.replace(/@.*$/, '') : to)

/** The whole name that is asked for. */
function questionOf(to: string, { nodes }: Facts): string {
  const [own = '', asked = own] = to.replace(/^dns:/, '').split('@')
  const [namespace = '', service] = asked.split('/')
  const domain = Object.values(nodes).flatMap(({ k3s }) => k3s?.flags['cluster-domain']?.value ?? [])[0]
  return service === undefined ? asked : `${service}.${namespace}.svc.${domain ?? 'cluster.local'}`
}

function sourceOf(
  from: string,
  facts: Facts,
  pods: ReadonlyMap<string, KubePod>,
): { node: string; netns: string } | null {
  if (from.startsWith('node:')) return { node: from.slice('node:'.length), netns: '-' }
  const pod = pods.get(from)
  const sandbox = pod && sandboxOf(pod, facts)
  return sandbox?.netns && pod?.node ? { node: pod.node, netns: sandbox.netns } : null
}

/** The newest sandbox counts: older ones of the same pod may still be listed. */
export function sandboxOf(pod: KubePod, facts: Facts) {
  return facts.nodes[pod.node ?? '']?.sandboxes
    ?.filter((sandbox) => sandbox.ready && sandbox.namespace === pod.namespace && sandbox.name === pod.name)
    .toSorted((a, b) => b.createdMs - a.createdMs)[0]
}

/** The runtime's word first: after a switch of the CNI the API may show an old address for a while. */
function addressOf(pod: KubePod | undefined, facts: Facts): string | null {
  if (!pod) return null
  return sandboxOf(pod, facts)?.ip ?? pod.ip
}

/** The one that Kubernetes knows the node by; null: there is no such node. */
export function nodeAddress(name: string, facts: Facts): string | null {
  return facts.kube.nodes.find((node) => node.name === name)?.internalIp || null
}
