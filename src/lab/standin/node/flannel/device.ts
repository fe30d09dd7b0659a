import { attempt, ipBatch, run } from '../command.ts'

export const deviceName = 'flannel.1'
const vni = 1
/** The kernel's default VXLAN port, which K3s' flannel and Cilium both use unless told otherwise. */
const port = 8472

export interface Uplink {
  name: string
  mtu: number
}

/** The link that carries the node's address. */
export async function uplinkOf(nodeIp: string): Promise<Uplink> {
  const links = JSON.parse(await run(['ip', '-j', '-4', 'addr', 'show'])) as {
    ifname: string
    mtu: number
    addr_info: { local: string }[]
  }[]
  const link = links.find((one) => one.addr_info.some((address) => address.local === nodeIp))
  if (link === undefined) throw new Error(`failed to find interface with specified node ip ${nodeIp}`)
  return { name: link.ifname, mtu: link.mtu }
}

interface VxlanLink {
  linkinfo?: {
    info_kind?: string
    info_data?: { id?: number; local?: string; link?: string; port?: number; learning?: boolean }
  }
}

/** Makes flannel.1, or keeps the one that is there if it is what flannel would make; up, with the /32 of the subnet's base. */
export async function ensureDevice(
  nodeIp: string,
  uplink: Uplink,
  podCidr: string,
): Promise<{ mac: string; mtu: number }> {
  const mtu = uplink.mtu - 50
  const found = await attempt(['ip', '-j', '-d', 'link', 'show', deviceName])
  const links = found.code === 0 ? (JSON.parse(found.stdout) as VxlanLink[]) : []
  if (links[0] === undefined || !isCompatible(links[0], nodeIp, uplink)) {
    if (links[0] !== undefined) await run(['ip', 'link', 'delete', deviceName])
    await ipBatch([
      `link add ${deviceName} mtu ${mtu} type vxlan id ${vni} local ${nodeIp} dev ${uplink.name} dstport ${port} nolearning`,
    ])
  }
  const base = `${podCidr.split('/')[0]}/32`
  const addresses = await run(['ip', '-o', '-4', 'addr', 'show', 'dev', deviceName])
  for (const stale of [...addresses.matchAll(/inet (\S+)/g)].map((match) => match[1])) {
    if (stale !== base) await run(['ip', 'addr', 'del', `${stale}`, 'dev', deviceName])
  }
  if (!addresses.includes(`inet ${base} `)) await run(['ip', 'addr', 'add', base, 'dev', deviceName])
  const up = await attempt(['ip', 'link', 'set', deviceName, 'up'])
  if (up.code !== 0) {
    // With another VXLAN device on the port (cilium_vxlan) the kernel refuses here, not at the creation.
    const reason = up.stderr
      .replace(/^RTNETLINK answers: /, '')
      .trim()
      .toLowerCase()
    throw new Error(`failed to set interface ${deviceName} to UP state: ${reason}`)
  }
  const [made] = JSON.parse(await run(['ip', '-j', 'link', 'show', deviceName])) as { address: string }[]
  return { mac: made?.address ?? '', mtu }
}

function isCompatible(link: VxlanLink, nodeIp: string, uplink: Uplink): boolean {
  const data = link.linkinfo?.info_data
  return (
    link.linkinfo?.info_kind === 'vxlan' &&
    data?.id === vni &&
    data.local === nodeIp &&
    data.link === uplink.name &&
    data.port === port &&
    data.learning !== true
  )
}

/** Another node, as far as flannel needs to know it. */
export interface Peer {
  podCidr: string
  vtepMac: string
  publicIp: string
}

export async function addPeer(peer: Peer): Promise<void> {
  const base = peer.podCidr.split('/')[0] ?? ''
  await run(['bridge', 'fdb', 'replace', peer.vtepMac, 'dev', deviceName, 'dst', peer.publicIp, 'self', 'permanent'])
  await ipBatch([
    `neigh replace ${base} lladdr ${peer.vtepMac} nud permanent dev ${deviceName}`,
    `route replace ${peer.podCidr} via ${base} dev ${deviceName} onlink`,
  ])
}

/** Each part may be gone already: somebody cleaned up, or the device was remade. */
export async function removePeer(peer: Peer): Promise<void> {
  const base = peer.podCidr.split('/')[0] ?? ''
  await attempt(['ip', 'route', 'del', peer.podCidr, 'via', base, 'dev', deviceName])
  await attempt(['ip', 'neigh', 'del', base, 'dev', deviceName])
  await attempt(['bridge', 'fdb', 'del', peer.vtepMac, 'dev', deviceName, 'dst', peer.publicIp, 'self'])
}
