import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { onEachNode } from './finding.ts'

/** ICMP passes and TCP does not: some virtual cards spoil the checksums of tunnelled packets (cilium.md §7.7). */
export function checksumOffload(facts: Facts): Finding[] {
  const title = 'the network card will not spoil tunnelled packets'
  const driverOf = onEachNode(facts, 'kernel', title, ({ drivers }, here, { host }) => {
    const driver = host.uplink ? drivers[host.uplink.name] : undefined
    return driver === 'vmxnet3'
      ? here.warns(
          `${host.uplink?.name} is a vmxnet3: it computes checksums of VXLAN twice on some versions (cilium#21801)`,
          `if TCP hangs while ping works: ethtool -K ${host.uplink?.name} tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off`,
        )
      : here.fine(driver ?? 'no driver of its own')
  })
  const tuned = onEachNode(
    facts,
    'upkeep',
    "nothing is tuned for flannel's devices alone",
    ({ flannelTuning }, here) =>
      flannelTuning.length === 0
        ? here.fine('no udev rule, network file or dispatcher script names it')
        : here.warns(
            `${flannelTuning.join(', ')} names flannel: what is done there for flannel.1 is not done for cilium_vxlan`,
            'do the same for cilium_vxlan if it is an offload workaround',
          ),
  )
  return [...driverOf, ...tuned]
}
