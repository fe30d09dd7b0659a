import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, orFine } from './finding.ts'

/**
 * Flags that must be the same on all servers. K3s compares most of them only when a server joins, so that a difference hides
 * until one has to join anew; disable-kube-proxy it never compares (k3s-kube-router.md §2.3).
 */
const same = [
  ...['flannel-backend', 'disable-network-policy', 'disable-kube-proxy', 'cluster-cidr', 'service-cidr', 'cluster-dns'],
  ...['egress-selector-mode', 'https-listen-port', 'disable-helm-controller'],
]

export function serverFlagsAgree(facts: Facts): Finding[] {
  const servers = Object.values(facts.nodes).filter((node) => node.unit.role === 'server')
  const title = 'the flags of all servers agree'
  const found = same.flatMap((key) => {
    const values = new Set(servers.map((node) => node.k3s.flags[key]?.value ?? ''))
    const where = servers.map(({ name, k3s: { flags } }) => `${name}: ${flags[key]?.value} (${flags[key]?.from})`)
    return values.size > 1
      ? [about(title).blocks(`${key} is ${where.join(', ')}`, 'make it the same and restart K3s there')]
      : []
  })
  return orFine(found, title, same.map((key) => `${key}: ${servers[0]?.k3s.flags[key]?.value ?? 'not set'}`).join(', '))
}
