import type { Facts } from '../facts/facts.ts'
import { considered } from './considered.ts'
import { type KubePod, type Pair, pair, podName, sandboxOf } from './pairs.ts'
import { compare, varied } from './varied.ts'

/** How many pairs of each sort are chosen at most: about 60 in all, whatever the cluster's size. */
const quotas = { sameNode: 12, crossNode: 22, service: 12, node: 8, dns: 6, external: 4 }

interface Candidate extends Pair {
  /** What is to be varied among the chosen: namespaces say which policies apply, nodes which tunnels. */
  traits: readonly string[]
}

/**
 * The pairs that stand for all: pods on one node and on two, in namespaces with policies and without, to Services, from
 * nodes to pods, DNS, and addresses outside. The same facts give the same pairs, in whatever order they are listed.
 * Denied pairs are among them: that policies still hold is to be seen too.
 * @param share of the quotas, 0 to 1
 */
export function choosePairs(facts: Facts, externalTargets: readonly string[] = [], share = 1): Pair[] {
  const quota = (sort: keyof typeof quotas) => Math.ceil(quotas[sort] * share)
  const withPolicy = new Set(facts.kube.policies.map((policy) => policy.namespace))
  const sources = considered(sourcesOf(facts), facts)
  const servers = considered(
    facts.kube.pods.filter((pod) => isServer(pod, facts)),
    facts,
  )
  const services = facts.kube.services
    .filter((service) => service.clusterIp !== null && service.clusterIp !== 'None' && service.clusterIp !== '')
    .toSorted((a, b) => compare(podName(a), podName(b)))
  const trait = (namespace: string) => `${namespace}${withPolicy.has(namespace) ? '+policy' : ''}`

  const between = sources.flatMap((from) =>
    servers
      .filter((to) => to !== from)
      .map((to) => ({
        same: from.node === to.node,
        candidate: candidate(pair(podName(from), podName(to), to.ports[0] ?? 0), [
          `ns ${trait(from.namespace)}>${trait(to.namespace)}`,
          `nodes ${from.node}>${to.node}`,
          `from ${podName(from)}`,
          `to ${podName(to)}`,
        ]),
      })),
  )
  const toServices = sources.flatMap((from) =>
    services
      .filter((service) => !isDns(service))
      .flatMap((service) => {
        const tcp = service.ports.find((one) => one.protocol === 'TCP')
        if (!tcp) return []
        const to = `service:${podName(service)}`
        return [
          candidate(pair(podName(from), to, tcp.port), [`to ${to}`, `from ${podName(from)}`, `node ${from.node}`]),
        ]
      }),
  )
  const fromNodes = Object.keys(facts.nodes)
    .toSorted(compare)
    .flatMap((name) =>
      servers.map((to) =>
        candidate(pair(`node:${name}`, podName(to), to.ports[0] ?? 0), [
          `node ${name}`,
          `nodes ${name}>${to.node}`,
          `to ${podName(to)}`,
        ]),
      ),
    )
  const dns = services
    .filter(isDns)
    .flatMap((service) =>
      sources.map((from) =>
        candidate(pair(podName(from), `dns:${podName(service)}`, 53, 'dns'), [
          `node ${from.node}`,
          `ns ${trait(from.namespace)}`,
        ]),
      ),
    )
  const outside = externalTargets.flatMap((target) => {
    const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(target) ?? []
    if (host === undefined) return []
    return sources.map((from) =>
      candidate(pair(podName(from), `external:${host}`, Number(port)), [`to ${target}`, `node ${from.node}`]),
    )
  })
  return [
    ...varied(
      between.filter((one) => one.same).map((one) => one.candidate),
      quota('sameNode'),
    ),
    ...varied(
      between.filter((one) => !one.same).map((one) => one.candidate),
      quota('crossNode'),
    ),
    ...varied(toServices, quota('service')),
    ...varied(fromNodes, quota('node')),
    ...varied(dns, quota('dns')),
    ...varied(outside, quota('external')),
  ].map(({ traits: _, ...one }) => one)
}

const candidate = (one: Pair, traits: readonly string[]): Candidate => ({ ...one, traits })
export const isDns = (service: { namespace: string; name: string }) => podName(service) === 'kube-system/kube-dns'

/** Pods that connections can be tried from. */
export const sourcesOf = (facts: Facts): KubePod[] => facts.kube.pods.filter((pod) => isSource(pod, facts))

export function isSource(pod: KubePod, facts: Facts): boolean {
  return pod.phase === 'Running' && !pod.hostNetwork && Boolean(sandboxOf(pod, facts)?.netns) && !isShortLived(pod)
}

export function isServer(pod: KubePod, facts: Facts): boolean {
  return isSource(pod, facts) && pod.ready && pod.ports.length > 0
}

/** Pods of Jobs end by themselves: that would look like an outage. */
export function isShortLived(pod: KubePod): boolean {
  return pod.owner?.startsWith('Job/') ?? false
}
