import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, orFine } from './finding.ts'

const serverOnly = ['flannel-backend', 'disable-network-policy', 'disable-kube-proxy', 'cluster-cidr', 'service-cidr']

/** An agent with a server's flag in its files does not start again (k3s#3142). */
export function agentFlags(facts: Facts): Finding[] {
  const title = 'no server-only flag on an agent'
  const found = Object.values(facts.nodes)
    .filter((node) => node.unit.role === 'agent')
    .flatMap(({ name, k3s }) =>
      serverOnly.flatMap((key) => {
        const flag = k3s.flags[key]
        return flag && k3s.files[flag.from]
          ? [
              about(title, name).blocks(
                `${key} stands in ${flag.from}`,
                'remove it: K3s refuses to start there with it (k3s#3142)',
              ),
            ]
          : []
      }),
    )
  return orFine(found, title, 'none')
}
