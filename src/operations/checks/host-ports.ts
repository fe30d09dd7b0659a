import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { needsPortmap } from '../cilium-values.ts'
import { about, some } from './finding.ts'

/** Kubernetes' own default; K3s' flag for another is not read. */
const nodePorts = { from: 30_000, until: 32_767 }

/**
 * Host ports and ServiceLB go through the portmap plugin, which Cilium does not bring (cilium.md §7.8). What the runbook does
 * about it is said, because 80 and 443 depend on it.
 */
export function hostPorts(facts: Facts, inventory: Inventory): Finding[] {
  const here = about('host ports and ServiceLB go on working')
  const pods = facts.kube.pods.filter((pod) => !pod.hostNetwork && portsOf(pod).length > 0)
  if (pods.length === 0) return [here.fine('no pod has a host port')]
  const said = some([
    ...new Set(
      pods.map((pod) => `${pod.namespace}/${pod.owner?.split('/')[1] ?? pod.name}: ${portsOf(pod).join(', ')}`),
    ),
  ])
  if (needsPortmap(facts, inventory)) {
    const without = Object.values(facts.nodes).filter(({ host }) => host.commands.iptables === false)
    return [
      here.fine(`${said}; portmap is copied and chained behind Cilium`),
      ...without.map(({ name }) =>
        about('portmap finds iptables', name).blocks(
          'portmap writes its rules with the iptables of the host, and there is none',
          'install iptables',
        ),
      ),
    ]
  }
  const inRange = pods.flatMap(portsOf).filter((port) => port >= nodePorts.from && port <= nodePorts.until)
  return inRange.length > 0
    ? [
        here.blocks(
          `Cilium in kube-proxy's place does not serve host ports among the node ports: ${inRange.join(', ')}`,
          'give these pods other host ports',
        ),
      ]
    : [here.fine(`${said}; served by Cilium in kube-proxy's place`)]
}

const portsOf = (pod: Facts['kube']['pods'][number]): number[] => [
  ...new Set([
    ...pod.hostPorts,
    ...(pod.containerPorts ?? []).flatMap(({ hostPort }) => (hostPort === null ? [] : [hostPort])),
  ]),
]
