import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** Why another backend does not fit (k3s-kube-router.md §3.1). */
const others: Readonly<Record<string, string>> = {
  'wireguard-native':
    'its links vanish when K3s stops: pods of different nodes would not reach each other from then on',
  'host-gw': 'its routes to the other nodes have no link of their own by which they could be found and removed',
  tailscale: 'its routes belong to tailscale',
}

/** The links and routes that outlive K3s while it is stopped, and are removed in the end, are those of vxlan. */
export function flannelOverVxlan(facts: Facts): Finding[] {
  const here = about('flannel runs over vxlan')
  const backend = Object.values(facts.nodes).find((node) => node.unit.role === 'server')?.k3s.flags['flannel-backend']
  if (backend === undefined) return [here.unknown('no server says which backend it uses', 'look at its flags')]
  const kind = backend.value.split('=')[0] ?? ''
  if (kind === 'vxlan') return [here.fine(backend.from)]
  if (kind === 'none') return [here.fine('it is off already')]
  return [
    here.blocks(
      `flannel-backend is ${kind}: ${others[kind] ?? 'it is not known here'}`,
      'change it to vxlan first and restart K3s on all servers, then on the agents',
    ),
  ]
}
