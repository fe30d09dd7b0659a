import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { attempt, run } from '../command.ts'
import type { PluginCall } from './call.ts'

/** Mark bit 13, portmap's default, for traffic that must be masqueraded on its way to the pod. */
const mark = '0x2000/0x2000'

export function hostPortChain(network: string, containerId: string): string {
  return `CNI-DN-${createHash('sha512')
    .update(network + containerId)
    .digest('hex')}`.slice(0, 28)
}

/** iptables-restore input (--noflush) that adds one container's mappings; the top chains too where `saved` lacks them. */
export function hostPortRules(call: PluginCall, saved: string): string {
  const ip = call.conf.prevResult?.ips[0]?.address
  if (ip === undefined) throw new Error('portmap: no IP address in prevResult')
  const mappings = call.conf.runtimeConfig?.portMappings ?? []
  const chain = hostPortChain(call.conf.name, call.containerId)
  const subnet = subnetOf(ip)
  const address = ip.split('/')[0] ?? ''
  const protocols = [...new Set(mappings.map((mapping) => mapping.protocol.toLowerCase()))]
  const ports = (protocol: string) =>
    mappings.filter((mapping) => mapping.protocol.toLowerCase() === protocol).map((mapping) => mapping.hostPort)
  return [
    '*nat',
    `:${chain} - [0:0]`,
    ...topChains(saved),
    ...mappings.flatMap((mapping) => {
      const match = `-p ${mapping.protocol.toLowerCase()} -m ${mapping.protocol.toLowerCase()} --dport ${mapping.hostPort}`
      return [
        `-A ${chain} -s ${subnet} ${match} -j CNI-HOSTPORT-SETMARK`,
        `-A ${chain} -s 127.0.0.1/32 ${match} -j CNI-HOSTPORT-SETMARK`,
        `-A ${chain} ${match} -j DNAT --to-destination ${address}:${mapping.containerPort}`,
      ]
    }),
    ...protocols.map(
      (protocol) =>
        `-A CNI-HOSTPORT-DNAT -p ${protocol} -m comment --comment "dnat name: \\"${call.conf.name}\\" id: \\"${call.containerId}\\"" -m multiport --dports ${ports(protocol).join(',')} -j ${chain}`,
    ),
    'COMMIT',
    '',
  ].join('\n')
}

function topChains(saved: string): string[] {
  const lines: string[] = []
  for (const chain of ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-MASQ', 'CNI-HOSTPORT-SETMARK']) {
    if (!saved.includes(`:${chain} `)) lines.push(`:${chain} - [0:0]`)
  }
  const rules = [
    '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
    `-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${mark}`,
  ]
  for (const rule of rules) if (!saved.includes(rule)) lines.push(rule)
  const masquerade = '-m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ'
  // First, or KUBE-POSTROUTING's RETURN of unmarked packets would be fine but a MASQUERADE before it would win.
  if (!saved.includes(`-A POSTROUTING ${masquerade}`)) lines.push(`-I POSTROUTING 1 ${masquerade}`)
  return lines
}

function subnetOf(cidr: string): string {
  const [address = '', prefix = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(prefix))
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  const base = Math.floor(number / size) * size
  return `${[24, 16, 8, 0].map((bits) => Math.floor(base / 2 ** bits) % 256).join('.')}/${prefix}`
}

export async function portmapAdd(call: PluginCall): Promise<void> {
  if ((call.conf.runtimeConfig?.portMappings ?? []).length === 0) return
  const saved = await run(['iptables-save', '-t', 'nat'])
  await run(['iptables-restore', '-w', '--noflush'], { stdin: hostPortRules(call, saved) })
  // Without it the kernel drops what comes from 127.0.0.1 to a pod as martian.
  await writeFile('/proc/sys/net/ipv4/conf/cni0/route_localnet', '1').catch(() => undefined)
}

/** Finds the chain by the name of the network that is loaded now: after a CNI switch that is another, and the rules stay. */
export async function portmapDelete(call: PluginCall): Promise<void> {
  if ((call.conf.runtimeConfig?.portMappings ?? []).length === 0) return
  const chain = hostPortChain(call.conf.name, call.containerId)
  const saved = await run(['iptables-save', '-t', 'nat'])
  if (!saved.includes(`:${chain} `)) return
  const jumps = saved.split('\n').filter((line) => line.startsWith('-A ') && line.endsWith(`-j ${chain}`))
  const input = [
    '*nat',
    `:${chain} - [0:0]`,
    ...jumps.map((line) => line.replace(/^-A/, '-D')),
    `-X ${chain}`,
    'COMMIT',
    '',
  ]
  const outcome = await attempt(['iptables-restore', '-w', '--noflush'], { stdin: input.join('\n') })
  if (outcome.code !== 0) throw new Error(`failed to remove ${chain}: ${outcome.stderr.trim()}`)
}
