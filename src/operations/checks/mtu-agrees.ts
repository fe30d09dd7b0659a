import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about } from './finding.ts'

/** VXLAN adds so much to each packet, over IPv4. */
const overheadBytes = 50

/** The interfaces and the size of packets that Cilium is told: never flannel.1's, which it would keep (measured.md). */
export function mtuAgrees(facts: Facts, { cilium }: Inventory): Finding[] {
  const nodes = Object.values(facts.nodes)
  const findings: Finding[] = nodes.flatMap(({ name, address, host, network }) => {
    const here = about('the interface between the nodes is known', name)
    const names = cilium.devices
    if (names === undefined && host.uplink === null)
      return [here.blocks(`no interface holds ${address}`, 'set cilium.devices and cilium.mtu in the inventory')]
    const matches = (wanted: string, link: string) =>
      wanted.endsWith('+') ? link.startsWith(wanted.slice(0, -1)) : link === wanted
    if (names !== undefined && !names.some((wanted) => network.links.some((link) => matches(wanted, link.name))))
      return [here.blocks(`it has none of ${names.join(', ')}`, 'correct cilium.devices in the inventory')]
    return [here.fine(names?.join(', ') ?? `${host.uplink?.name}`)]
  })
  const mtus = nodes.flatMap(({ name, host }) => (host.uplink ? [{ name, mtu: host.uplink.mtu }] : []))
  const here = about('packets of the largest size fit through the tunnel')
  const least = Math.min(...mtus.map(({ mtu }) => mtu))
  const all = mtus.map(({ name, mtu }) => `${name} ${mtu}`).join(', ')
  const wanted = cilium.mtu ?? least
  if (mtus.length === 0) findings.push(here.unknown('no interface between the nodes is known', 'set cilium.mtu'))
  else if (wanted > least)
    findings.push(here.blocks(`cilium.mtu is ${wanted}, and the interfaces carry ${all}`, `set it to ${least} or less`))
  else if (wanted - overheadBytes < 1280)
    findings.push(
      here.blocks(`${wanted} less ${overheadBytes} for the tunnel is below 1280`, 'raise the MTU of the interfaces'),
    )
  else if (new Set(mtus.map(({ mtu }) => mtu)).size > 1)
    findings.push(
      here.warns(`they differ: ${all}; Cilium is told ${wanted}`, 'make them the same if they are on one network'),
    )
  else findings.push(here.fine(`${wanted}, less ${overheadBytes} for pods on other nodes`))
  return findings
}
