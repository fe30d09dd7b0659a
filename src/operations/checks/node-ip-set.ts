import ipaddr from 'ipaddr.js'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** Without node-ip a K3s that starts beside Cilium may take cilium_host's address for its own (cilium.md §7.12). */
export function nodeIpSet(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map(({ name, k3s, network, host }) => {
    const here = about('K3s will keep its address', name)
    const set = k3s.flags['node-ip']
    if (set) return here.fine(`node-ip is ${set.value}`)
    // It then takes that of the default route's interface: where there is one such address, there is nothing to choose.
    const onUplink = network.links
      .find((link) => link.name === host.uplink?.name)
      ?.addresses.filter((one) => ipaddr.IPv4.isValidCIDR(one))
    const known = facts.kube.nodes.find((node) => node.name === name)?.internalIp
    if (onUplink === undefined || known === undefined)
      return here.unsure('node-ip is not set, and its interface could not be told', 'set node-ip in its config.yaml')
    return onUplink.length === 1 && onUplink[0]?.startsWith(`${known}/`)
      ? here.fine(`${known}, the only address of ${host.uplink?.name}`)
      : here.warns(
          `node-ip is not set and there is more than one to choose from (${onUplink.join(', ')}); it is known as ${known}`,
          `set node-ip: ${known} in its config.yaml`,
        )
  })
}
