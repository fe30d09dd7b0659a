/** flannel's iptables rules (facts: K3s sheet 3.3), as `iptables-save` prints them. */
export interface FlannelRules {
  filter: string[]
  nat: string[]
}

export function flannelRules(clusterCidr: string, podCidr: string): FlannelRules {
  const masq = '-m comment --comment "flanneld masq"'
  const forward = '-m comment --comment "flanneld forward"'
  return {
    filter: [
      `-A FORWARD ${forward} -j FLANNEL-FWD`,
      `-A FLANNEL-FWD -s ${clusterCidr} ${forward} -j ACCEPT`,
      `-A FLANNEL-FWD -d ${clusterCidr} ${forward} -j ACCEPT`,
    ],
    nat: [
      `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`,
      `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${podCidr} -d ${clusterCidr} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${clusterCidr} -d ${podCidr} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG ! -s ${clusterCidr} -d ${podCidr} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${clusterCidr} ! -d 224.0.0.0/4 ${masq} -j MASQUERADE --random-fully`,
      `-A FLANNEL-POSTRTG ! -s ${clusterCidr} -d ${clusterCidr} ${masq} -j MASQUERADE --random-fully`,
    ],
  }
}

/**
 * iptables-restore input (--noflush) that puts a table's flannel rules back, or null when all of them stand. flannel
 * rebuilds its own chain whole and appends the jump if that is missing; nothing else in the table is touched.
 */
export function repairTable(table: 'filter' | 'nat', saved: string, rules: readonly string[]): string | null {
  const lines = new Set(saved.split('\n'))
  if (rules.every((rule) => lines.has(rule))) return null
  const chain = table === 'filter' ? 'FLANNEL-FWD' : 'FLANNEL-POSTRTG'
  const wanted = rules.filter((rule) => rule.startsWith(`-A ${chain} `) || !lines.has(rule))
  return [`*${table}`, `:${chain} - [0:0]`, ...wanted, 'COMMIT', ''].join('\n')
}
