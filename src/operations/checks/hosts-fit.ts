import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'

const minFreeBytes = 1024 ** 3
const maxClockOffsetMs = 2_000
const needed = ['bash', 'ip', 'ipset', 'nsenter', 'systemd-run', 'systemctl', 'timeout', 'sha256sum', 'base64']

/** Disks with room, clocks that agree, names that resolve, the few programs that are used, no firewall that will interfere. */
export function hostsFit(facts: Facts): Finding[] {
  const findings: Finding[] = []
  const offsets = Object.values(facts.nodes).map((node) => node.host.clockOffsetMs)
  const spreadMs = Math.max(...offsets) - Math.min(...offsets)
  findings.push({
    level: spreadMs > maxClockOffsetMs ? 'blocks' : 'fine',
    title: 'the nodes agree on the time',
    detail: `${Math.round(spreadMs)} ms between the first and the last`,
    ...(spreadMs > maxClockOffsetMs
      ? { fix: 'let them synchronise (chrony, systemd-timesyncd): leases and certificates depend on it' }
      : {}),
  })
  for (const node of Object.values(facts.nodes)) {
    for (const disk of node.host.disks)
      if (disk.freeBytes < minFreeBytes)
        findings.push({
          level: 'blocks',
          title: 'room on the disks',
          target: node.name,
          detail: `${disk.path}: ${Math.round(disk.freeBytes / 1024 ** 2)} MiB free, 1024 are wanted for snapshot and images`,
          fix: 'make room',
        })
    for (const [name, address] of Object.entries(node.host.resolves))
      if (address === null)
        findings.push({
          level: 'warns',
          title: 'node names resolve',
          target: node.name,
          detail: `${name} does not resolve there`,
          fix: `add ${name} to its /etc/hosts: what uses the name will hang while DNS is away`,
        })
    const missing = needed.filter((command) => node.host.commands[command] === false)
    if (missing.length > 0)
      findings.push({
        level: 'blocks',
        title: 'the programs that are used are there',
        target: node.name,
        detail: `missing: ${missing.join(', ')}`,
        fix: 'install them',
      })
    for (const unit of ['ufw', 'firewalld'])
      if (node.host.services[unit] === 'active')
        findings.push({
          level: 'warns',
          title: 'no host firewall in the way',
          target: node.name,
          detail: `${unit} is active: a reload during the move reorders or flushes rules (cilium.md §7.10)`,
          fix: 'open the tunnel port, 4240/tcp and the pod range between the nodes, and do not reload it meanwhile',
        })
  }
  return findings
}
