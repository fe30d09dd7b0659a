import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { onEachNode } from './finding.ts'

const settings = ['ManageForeignRoutes', 'ManageForeignRoutingPolicyRules']

/** A restart of systemd-networkd removes routes and rules that it did not make: nodes became unreachable (cilium.md §3.5). */
export function networkdForeignRoutes(facts: Facts): Finding[] {
  return onEachNode(
    facts,
    'upkeep',
    'systemd-networkd leaves the routes of others alone',
    ({ networkd }, here, { host }) => {
      const state = host.services['systemd-networkd']
      if (state !== 'active') return here.fine(`it is ${state ?? 'not there'}`)
      const managed = settings.filter((key) => !/^(no|false|0|off)$/i.test(networkd[key] ?? 'yes'))
      return managed.length === 0
        ? here.fine('it is told so')
        : here.warns(
            `it runs with ${managed.join(' and ')}=yes: a restart of it (an upgrade of systemd, netplan apply) removes Cilium's`,
            `set ${managed.map((key) => `${key}=no`).join(' and ')} under [Network] in /etc/systemd/networkd.conf.d/cilium.conf`,
          )
    },
  )
}
