import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, onEachNode, orFine } from './finding.ts'

/** Programs that hold or announce addresses, by what their pods' images and names have in common. */
const announcers = /^(kube-vip|metallb-speaker|speaker|kube-vip-ds)(-|$)/

const hostOf = (url: string): string | null => URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? null

/**
 * What stands in front of the API and of the ingress: HAProxy, keepalived, kube-vip. Cilium is given 127.0.0.1 and this tool
 * comes by ssh, so neither needs it; but who comes that way sees the outage first.
 */
export function virtualAddresses(facts: Facts): Finding[] {
  const title = 'nothing in front of the cluster is forgotten'
  const own = new Set(
    Object.values(facts.nodes).flatMap(({ name, address, network }) => [
      name,
      address,
      ...network.links.flatMap((link) => link.addresses.map((one) => one.split('/')[0] ?? '')),
    ]),
  )
  const joined = Object.values(facts.nodes).flatMap(({ name, k3s }) => {
    const host = hostOf(k3s.flags.server?.value ?? '')
    return host === null || host === '' || own.has(host) ? [] : [{ name, host }]
  })
  const hosts = Map.groupBy(joined, ({ host }) => host)
  const fronts = [...hosts].map(([host, nodes]) =>
    about(title).warns(
      `${nodes.map(({ name }) => name).join(', ')} reach the servers through ${host}, which is no node: a balancer or a virtual address`,
      'its health checks will see all servers away in the announced outage: see that it lets them in again by itself',
    ),
  )
  const balancers = onEachNode(facts, 'upkeep', title, ({ units }, here) => {
    const active = ['haproxy.service', 'keepalived.service'].filter((unit) => units[unit] === 'active')
    return active.length === 0
      ? null
      : here.warns(
          `${active.join(' and ')} runs here`,
          'see that it does not move addresses or traffic because a check fails in the announced outage',
        )
  })
  const pods = facts.kube.pods.filter((pod) => announcers.test(pod.name))
  const inCluster =
    pods.length === 0
      ? []
      : [
          about(title).warns(
            `${[...new Set(pods.map((pod) => pod.owner ?? pod.name))].join(', ')} announces addresses from within the cluster`,
            'try every LoadBalancer address from outside when the move is done',
          ),
        ]
  return orFine(
    [...fronts, ...balancers, ...inCluster],
    title,
    'nodes join through nodes; no balancer on them, none in pods',
  )
}
