import { randomBytes } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { attempt, ipBatch, run } from '../command.ts'
import { type CniResult, netnsName, type PluginCall } from './call.ts'
import { lease, release } from './host-local.ts'

const bridgeName = 'cni0'

/** The bridge plugin with host-local as its IPAM, as flannel's CNI plugin calls it: hairpin, gateway on the bridge. */
export async function bridgeAdd(call: PluginCall): Promise<CniResult> {
  const { subnet, routes } = ipamOf(call)
  const mtu = Number(call.conf.mtu ?? 1500)
  const address = await lease(call.conf.name, subnet, call.containerId, call.ifName)
  try {
    const bridgeMac = await ensureBridge(gatewayOf(subnet), mtu)
    const host = { name: `veth${randomBytes(4).toString('hex')}`, mac: randomMac() }
    const pod = { name: call.ifName, mac: randomMac() }
    const netns = netnsName(call.netns)
    await ipBatch([
      `link add ${host.name} address ${host.mac} mtu ${mtu} type veth peer name ${pod.name} address ${pod.mac} mtu ${mtu} netns ${netns}`,
      `link set ${host.name} master ${bridgeName} up`,
      `link set ${host.name} type bridge_slave hairpin on`,
    ])
    const gateway = gatewayOf(subnet).split('/')[0] ?? ''
    const via = [...routes.map((dst) => ({ dst })), { dst: '0.0.0.0/0', gw: gateway }]
    await ipBatch(
      [
        `addr add ${address} brd + dev ${pod.name}`,
        `link set ${pod.name} up`,
        ...via.map(({ dst }) => `route replace ${dst} via ${gateway} dev ${pod.name}`),
      ],
      netns,
    )
    return {
      cniVersion: call.conf.cniVersion,
      interfaces: [{ name: bridgeName, mac: bridgeMac }, { ...host }, { ...pod, sandbox: call.netns }],
      ips: [{ interface: 2, address, gateway }],
      routes: via,
      dns: {},
    }
  } catch (error) {
    // A lease of a pod that never came to be would be taken for a running one.
    await release(call.conf.name, call.containerId, call.ifName)
    throw error
  }
}

export async function bridgeDelete(call: PluginCall): Promise<void> {
  await release(call.conf.name, call.containerId, call.ifName)
  // The namespace or the link may be gone already; DEL must succeed all the same.
  if (call.netns !== '') await attempt(['ip', '-n', netnsName(call.netns), 'link', 'delete', call.ifName])
}

function ipamOf(call: PluginCall): { subnet: string; routes: string[] } {
  const ipam = call.conf.ipam as { subnet?: string; routes?: { dst: string }[] } | undefined
  if (ipam?.subnet === undefined) throw new Error('bridge: ipam.subnet is missing from the network configuration')
  return { subnet: ipam.subnet, routes: (ipam.routes ?? []).map((route) => route.dst) }
}

function gatewayOf(subnet: string): string {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(subnet)
  const octets = [...address.octets]
  octets[3] = (octets[3] ?? 0) + 1
  return `${octets.join('.')}/${prefix}`
}

/** Makes the bridge if it is not there and returns its MAC. A MAC of its own keeps it from changing with its ports. */
async function ensureBridge(gateway: string, mtu: number): Promise<string> {
  const there = await attempt(['ip', '-j', 'link', 'show', bridgeName])
  const [bridge] = there.code === 0 ? (JSON.parse(there.stdout) as { address: string }[]) : []
  const mac = bridge?.address ?? randomMac()
  if (bridge === undefined) {
    await ipBatch([`link add name ${bridgeName} address ${mac} mtu ${mtu} type bridge`, `link set ${bridgeName} up`])
  }
  const addresses = await run(['ip', '-o', '-4', 'addr', 'show', 'dev', bridgeName])
  if (!addresses.includes(` ${gateway} `)) await ipBatch([`addr add ${gateway} brd + dev ${bridgeName}`])
  return mac
}

function randomMac(): string {
  const bytes = randomBytes(6)
  // Locally administered, unicast.
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}
