import { endpointChain, externalChain, type ServicePort, serviceChain } from './services.ts'

/** A jump from a built-in chain, as iptables-save prints it; kube-proxy puts missing ones at the top. */
const jumps: Record<'filter' | 'nat', readonly string[]> = {
  filter: [
    '-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
    '-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS',
    '-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
    '-A INPUT -j KUBE-FIREWALL',
    '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
    '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
    '-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
    '-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-FIREWALL',
  ],
  nat: [
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
  ],
}

const filterChains = [
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FIREWALL',
  'KUBE-FORWARD',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-FIREWALL',
  'KUBE-SERVICES',
]
const natChains = ['KUBE-MARK-MASQ', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-SERVICES']
/** Empty chains by which kubelet and kube-proxy notice that somebody flushed a table. */
export const canaries = ['KUBE-KUBELET-CANARY', 'KUBE-PROXY-CANARY'] as const

function missingJumps(table: 'filter' | 'nat', saved: string): string[] {
  const lines = new Set(saved.split('\n'))
  // Inserted last to first, so that they stand in the order above.
  return jumps[table]
    .filter((jump) => !lines.has(jump))
    .toReversed()
    .map((jump) => jump.replace(/^-A (\S+)/, '-I $1 1'))
}

/** iptables-restore input (--noflush) for the filter table: kube-proxy's and kubelet's fixed rules, REJECTs of empty services. */
export function filterInput(ports: readonly ServicePort[], saved: string): string {
  return [
    '*filter',
    ...[...filterChains, ...canaries].map((chain) => `:${chain} - [0:0]`),
    ...missingJumps('filter', saved),
    '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ...ports
      .filter((port) => port.endpoints.length === 0)
      .flatMap((port) => [
        `-A KUBE-SERVICES -d ${port.clusterIp}/32 -p ${port.protocol} -m comment --comment "${port.name} has no endpoints" -m ${port.protocol} --dport ${port.port} -j REJECT`,
        ...(port.nodePort === null
          ? []
          : [
              `-A KUBE-EXTERNAL-SERVICES -p ${port.protocol} -m comment --comment "${port.name} has no endpoints" -m addrtype --dst-type LOCAL -m ${port.protocol} --dport ${port.nodePort} -j REJECT`,
            ]),
      ]),
    'COMMIT',
    '',
  ].join('\n')
}

/** iptables-restore input (--noflush) for the nat table; chains of services that are gone are emptied and deleted. */
export function natInput(ports: readonly ServicePort[], clusterCidr: string, saved: string): string {
  const served = ports.filter((port) => port.endpoints.length > 0)
  const external = served.filter((port) => port.nodePort !== null)
  const active = [
    ...served.map(serviceChain),
    ...external.map(externalChain),
    ...served.flatMap((port) => port.endpoints.map((endpoint) => endpointChain(port, endpoint))),
  ]
  const stale = [...saved.matchAll(/^:(KUBE-(?:SVC|SEP|EXT)-[A-Z2-7]{16}) /gm)]
    .map((match) => match[1] ?? '')
    .filter((chain) => !active.includes(chain))
  return [
    '*nat',
    ...[...natChains, ...canaries, ...active, ...stale].map((chain) => `:${chain} - [0:0]`),
    ...missingJumps('nat', saved),
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    ...external.map(
      (port) =>
        `-A KUBE-NODEPORTS -p ${port.protocol} -m comment --comment "${port.name}" -m ${port.protocol} --dport ${port.nodePort} -j ${externalChain(port)}`,
    ),
    ...served.flatMap((port) => [...servicesRules(port), ...serviceRules(port, clusterCidr), ...endpointRules(port)]),
    ...external.flatMap((port) => [
      `-A ${externalChain(port)} -m comment --comment "masquerade traffic for ${port.name} external destinations" -j KUBE-MARK-MASQ`,
      `-A ${externalChain(port)} -j ${serviceChain(port)}`,
    ]),
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    ...stale.map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n')
}

function clusterMatch(port: ServicePort): string {
  return `-d ${port.clusterIp}/32 -p ${port.protocol} -m comment --comment "${port.name} cluster IP" -m ${port.protocol} --dport ${port.port}`
}

function servicesRules(port: ServicePort): string[] {
  return [`-A KUBE-SERVICES ${clusterMatch(port)} -j ${serviceChain(port)}`]
}

function serviceRules(port: ServicePort, clusterCidr: string): string[] {
  const chain = serviceChain(port)
  const count = port.endpoints.length
  return [
    `-A ${chain} ! -s ${clusterCidr} ${clusterMatch(port)} -j KUBE-MARK-MASQ`,
    ...port.endpoints.map((endpoint, index) => {
      const share =
        index === count - 1 ? '' : ` -m statistic --mode random --probability ${(1 / (count - index)).toFixed(10)}`
      return `-A ${chain} -m comment --comment "${port.name} -> ${endpoint}"${share} -j ${endpointChain(port, endpoint)}`
    }),
  ]
}

function endpointRules(port: ServicePort): string[] {
  return port.endpoints.flatMap((endpoint) => {
    const chain = endpointChain(port, endpoint)
    return [
      `-A ${chain} -s ${endpoint.split(':')[0]}/32 -m comment --comment "${port.name}" -j KUBE-MARK-MASQ`,
      `-A ${chain} -p ${port.protocol} -m comment --comment "${port.name}" -m ${port.protocol} -j DNAT --to-destination ${endpoint}`,
    ]
  })
}
