import { writeFile } from 'node:fs/promises'
import { attempt, ipBatch, run } from '../node/command.ts'

export interface Link {
  ifname: string
  ifindex: number
  mtu: number
  address: string
  flags: string[]
  linkinfo?: { info_kind?: string; info_data?: { port?: number } }
}

export async function links(): Promise<Link[]> {
  return JSON.parse(await run(['ip', '-j', '-d', 'link', 'show'])) as Link[]
}

export async function link(name: string): Promise<Link | undefined> {
  return (await links()).find(({ ifname }) => ifname === name)
}

export async function setSysctl(key: string, value: string): Promise<void> {
  await writeFile(`/proc/sys/${key.replaceAll('.', '/')}`, value)
}

interface AddressedLink {
  ifname: string
  mtu: number
  link_type: string
  linkinfo?: { info_kind?: string }
  addr_info: { family: string; scope: string; local?: string }[]
}

const never = ['cilium_', 'lo', 'lxc', 'cni', 'docker']

function selects(patterns: readonly string[], name: string): boolean {
  const hit = (pattern: string) => (pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern)
  if (patterns.some((pattern) => pattern.startsWith('!') && hit(pattern.slice(1)))) return false
  const positive = patterns.filter((pattern) => !pattern.startsWith('!'))
  return positive.length === 0 || positive.some(hit)
}

/**
 * The links that Cilium takes for the node's own (pkg/datapath/tables/device.go, pkg/defaults/node.go): flannel.1 is among
 * them, and from 1.17 on the lowest of their MTUs is the pods'.
 */
export function selectedDevices(
  all: readonly AddressedLink[],
  defaultRouteDevices: readonly string[],
  patterns: readonly string[],
): { ifname: string; mtu: number }[] {
  return all.filter(({ ifname, linkinfo, addr_info }) => {
    if (never.some((prefix) => ifname.startsWith(prefix))) return false
    const uplink = defaultRouteDevices.includes(ifname)
    if (patterns.some((pattern) => !pattern.startsWith('!'))) return selects(patterns, ifname)
    if (linkinfo?.info_kind === 'bridge') return false
    if (linkinfo?.info_kind === 'veth' && !uplink) return false
    const addressed = addr_info.some(({ family, scope }) => family === 'inet' && scope === 'global')
    return (uplink || addressed) && selects(patterns, ifname)
  })
}

/** MTU of pods' and Cilium's own links: from the values, or the lowest of the selected links. */
export async function deviceMtu(configured: number, patterns: readonly string[], nodeIp: string): Promise<number> {
  if (configured > 0) return configured
  const all = JSON.parse(await run(['ip', '-j', '-d', 'addr', 'show'])) as AddressedLink[]
  const routes = JSON.parse(await run(['ip', '-j', '-4', 'route', 'show', 'default'])) as { dev: string }[]
  // A node without a default route still has the link that carries its own address.
  const own = all.filter(({ addr_info }) => addr_info.some(({ local }) => local === nodeIp)).map(({ ifname }) => ifname)
  const selected = selectedDevices(all, [...routes.map(({ dev }) => dev), ...own], patterns)
  if (selected.length === 0) throw new Error(`unable to determine direct routing device from devices=${patterns}`)
  return Math.min(...selected.map(({ mtu }) => mtu))
}

async function looseReversePath(name: string): Promise<void> {
  await setSysctl(`net.ipv4.conf.${name}.rp_filter`, '0')
  await setSysctl(`net.ipv4.conf.${name}.forwarding`, '1')
  await setSysctl(`net.ipv4.conf.${name}.send_redirects`, '0')
}

export async function ensureHostPair(mtu: number): Promise<void> {
  await setSysctl('net.ipv4.ip_forward', '1')
  await setSysctl('net.ipv4.conf.all.rp_filter', '0')
  const commands: string[] = []
  if ((await link('cilium_host')) === undefined) commands.push('link add cilium_host type veth peer name cilium_net')
  for (const name of ['cilium_host', 'cilium_net']) commands.push(`link set ${name} mtu ${mtu} arp off up`)
  await ipBatch(commands)
  for (const name of ['cilium_host', 'cilium_net']) {
    await looseReversePath(name)
    await setSysctl(`net.ipv4.conf.${name}.accept_local`, '1')
  }
}

/**
 * cilium_vxlan on its port. A port that another tunnel holds is met in silence, as it was seen on a real cluster
 * (everything green, the link DOWN), and up to 1.17 a link that never came up stays in the way after the port was changed
 * (cilium/cilium#38581): only deleting it helps.
 */
export async function ensureTunnel(port: number, mtu: number): Promise<void> {
  const found = await link('cilium_vxlan')
  const foundPort = found?.linkinfo?.info_data?.port
  let create = found === undefined
  if (found !== undefined && foundPort !== port) {
    const up = found.flags.includes('UP') || (await attempt(['ip', 'link', 'set', 'cilium_vxlan', 'up'])).code === 0
    if (!up) return
    await run(['ip', 'link', 'del', 'cilium_vxlan'])
    create = true
  }
  if (create) {
    await run([
      'ip',
      'link',
      'add',
      'cilium_vxlan',
      'mtu',
      `${mtu}`,
      'type',
      'vxlan',
      'external',
      'dstport',
      `${port}`,
      'nolearning',
    ])
  }
  await run(['ip', 'link', 'set', 'cilium_vxlan', 'mtu', `${mtu}`])
  await looseReversePath('cilium_vxlan')
  await attempt(['ip', 'link', 'set', 'cilium_vxlan', 'up'])
}

/** Native routing has none: an agent that finds one of an earlier mode takes it away. */
export async function removeTunnel(): Promise<void> {
  if ((await link('cilium_vxlan')) !== undefined) await run(['ip', 'link', 'del', 'cilium_vxlan'])
}

/** The address that cilium_host already has: an agent's restart must not give the node another one. */
export async function hostAddress(): Promise<string | undefined> {
  const shown = await attempt(['ip', '-j', '-4', 'addr', 'show', 'dev', 'cilium_host'])
  if (shown.code !== 0) return undefined
  const [device] = JSON.parse(shown.stdout) as { addr_info: { local: string }[] }[]
  return device?.addr_info[0]?.local
}

export async function setHostAddress(address: string): Promise<void> {
  const present = await hostAddress()
  if (present !== undefined && present !== address) await run(['ip', 'addr', 'flush', 'dev', 'cilium_host'])
  await run(['ip', 'addr', 'replace', `${address}/32`, 'dev', 'cilium_host'])
}
