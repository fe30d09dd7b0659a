import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'

/** Embedded etcd, flannel by vxlan, one K3s version, one value of each flag, and which file holds it. */
export function k3sAsExpected(facts: Facts): Finding[] {
  const findings: Finding[] = []
  const servers = Object.values(facts.nodes).filter((node) => node.k3s.unit.role === 'server')
  for (const node of servers)
    findings.push(
      node.etcd?.initialized
        ? { level: 'fine', title: 'datastore is embedded etcd', target: node.name, detail: 'yes' }
        : {
            level: 'blocks',
            title: 'datastore is embedded etcd',
            target: node.name,
            detail: 'there is no server/db/etcd/member/wal: sqlite or an external datastore',
            fix: 'this runbook snapshots and restarts embedded etcd only',
          },
    )
  for (const key of ['flannel-backend', 'disable-network-policy', 'cluster-cidr', 'service-cidr']) {
    const values = new Set(servers.map((node) => node.k3s.flags[key]?.value ?? ''))
    const where = servers
      .map((node) => `${node.name}: ${node.k3s.flags[key]?.value} (${node.k3s.flags[key]?.from})`)
      .join(', ')
    findings.push(
      values.size > 1
        ? {
            level: 'blocks',
            title: `${key} is the same on all servers`,
            detail: where,
            fix: 'make it the same and restart K3s there',
          }
        : { level: 'fine', title: `${key} is the same on all servers`, detail: where },
    )
  }
  const backend = servers[0]?.k3s.flags['flannel-backend']?.value
  if (backend !== undefined && !['vxlan', 'none'].includes(backend))
    findings.push({
      level: 'blocks',
      title: 'flannel runs over vxlan',
      detail: `flannel-backend is ${backend}`,
      fix: 'only vxlan is known to this runbook: wireguard links vanish with K3s (k3s-kube-router.md §3.1)',
    })
  const versions = new Set(Object.values(facts.nodes).map((node) => node.k3s.version))
  findings.push({
    level: versions.size > 1 ? 'warns' : 'fine',
    title: 'one K3s version',
    detail: [...versions].join(', '),
    ...(versions.size > 1 ? { fix: 'upgrade first: two changes at once cannot be told apart' } : {}),
  })
  for (const node of Object.values(facts.nodes)) {
    if (node.k3s.containerdTemplate)
      findings.push({
        level: 'blocks',
        title: "containerd's configuration is K3s' own",
        target: node.name,
        detail: 'a config.toml.tmpl is there; its CNI directories do not follow flannel-backend (k3s#7999)',
        fix: 'remove the CNI section from the template, restart K3s, plan again',
      })
    if (!node.k3s.localApi)
      findings.push({
        level: 'blocks',
        title: 'the API answers on 127.0.0.1:6444',
        target: node.name,
        detail: 'it does not: Cilium is told to reach it there (cilium.md §2.3)',
        fix: 'set k8sServiceHost and k8sServicePort under cilium.values in the inventory to what answers on every node',
      })
    if (node.k3s.unit.role === 'agent')
      for (const key of ['flannel-backend', 'disable-network-policy'])
        if (node.k3s.flags[key] && node.k3s.files[node.k3s.flags[key]?.from ?? ''])
          findings.push({
            level: 'blocks',
            title: 'no server-only flag on an agent',
            target: node.name,
            detail: `${key} stands in ${node.k3s.flags[key]?.from}`,
            fix: 'remove it: K3s refuses to start there with it (k3s#3142)',
          })
  }
  return findings
}
