import { join } from 'node:path'
import { type ApiObject, type Informer, type NodeContext, paths } from '../../context.ts'
import { run } from '../command.ts'
import { writeWhole } from '../files.ts'
import { SyncLoop } from '../tasks.ts'
import { addPeer, ensureDevice, type Peer, removePeer, uplinkOf } from './device.ts'
import { flannelRules, repairTable } from './rules.ts'

const annotation = 'flannel.alpha.coreos.com'
const filterResyncMs = 50_000
const natResyncMs = 60_000

/** 10-flannel.conflist as K3s v1.34 writes it at every start. */
export const flannelConflist = `{
  "name":"cbr0",
  "cniVersion":"1.0.0",
  "plugins":[
    {
      "type":"flannel",
      "delegate":{
        "hairpinMode":true,
        "forceAddress":true,
        "isDefaultGateway":true
      }
    },
    {
      "type":"portmap",
      "capabilities":{
        "portMappings":true
      }
    },
    {
      "type":"bandwidth",
      "capabilities":{
        "bandwidth":true
      }
    }
  ]
}
`

export function subnetEnv(clusterCidr: string, podCidr: string, mtu: number): string {
  return `FLANNEL_NETWORK=${clusterCidr}
FLANNEL_SUBNET=${podCidr.replace(/\.0\//, '.1/')}
FLANNEL_MTU=${mtu}
FLANNEL_IPMASQ=true
`
}

export function netConf(clusterCidr: string): string {
  return `{
	"Network": "${clusterCidr}",
	"EnableIPv6": false,
	"EnableIPv4": true,
	"IPv6Network": "::/0",
	"Backend": {
	"Type": "vxlan"
}
}
`
}

/** The other flannel nodes, from what flannel wrote on their Node objects. Annotations outlive flannel, and count. */
export function peersOf(nodes: readonly ApiObject[], ownName: string): Map<string, Peer> {
  const peers = new Map<string, Peer>()
  for (const node of nodes) {
    const annotations = node.metadata.annotations ?? {}
    const podCidr = node.spec?.podCIDR
    const publicIp = annotations[`${annotation}/public-ip`]
    const data = annotations[`${annotation}/backend-data`]
    if (node.metadata.name === ownName || typeof podCidr !== 'string' || publicIp === undefined || data === undefined)
      continue
    if (annotations[`${annotation}/backend-type`] !== 'vxlan') continue
    const vtepMac = (JSON.parse(data) as { VtepMAC?: string }).VtepMAC
    if (vtepMac !== undefined) peers.set(node.metadata.name, { podCidr, vtepMac, publicIp })
  }
  return peers
}

/** The files that K3s writes before it starts flannel, whether or not flannel comes up. */
export async function writeFlannelFiles(clusterCidr: string): Promise<void> {
  await writeWhole(join(paths.data, 'agent/etc/flannel/net-conf.json'), netConf(clusterCidr))
  await writeWhole(join(paths.data, 'agent/etc/cni/net.d/10-flannel.conflist'), flannelConflist)
}

/** Runs flannel's vxlan backend until K3s stops; leaves everything it made. */
export async function startFlannel(
  context: NodeContext,
  nodes: Informer,
  onNodes: (sync: () => void) => void,
): Promise<void> {
  const { log, signal, nodeName, nodeIp } = context
  const { clusterCidr } = context.cluster
  const podCidr = await ownPodCidr(context, nodes, onNodes)
  if (podCidr === null) return
  const uplink = await uplinkOf(nodeIp)
  const { mac, mtu } = await ensureDevice(nodeIp, uplink, podCidr)
  await context.api.patch(`/api/v1/nodes/${nodeName}`, {
    metadata: {
      annotations: {
        [`${annotation}/backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: mac }),
        [`${annotation}/backend-type`]: 'vxlan',
        [`${annotation}/kube-subnet-manager`]: 'true',
        [`${annotation}/public-ip`]: nodeIp,
      },
    },
  })
  await writeWhole('/run/flannel/subnet.env', subnetEnv(clusterCidr, podCidr, mtu))
  log('info', `Wrote flannel subnet file to /run/flannel/subnet.env`)
  log('info', 'Running flannel backend.')
  const rules = flannelRules(clusterCidr, podCidr)
  for (const [table, everyMs] of [
    ['filter', filterResyncMs],
    ['nat', natResyncMs],
  ] as const) {
    new SyncLoop(
      async () => {
        const input = repairTable(table, await run(['iptables-save', '-t', table]), rules[table])
        if (input !== null) await run(['iptables-restore', '-w', '--noflush'], { stdin: input })
      },
      { signal, everyMs, gatherMs: 0, onError: (error) => log('error', `Failed to ensure iptables rules: ${error}`) },
    )
  }
  let known = new Map<string, Peer>()
  const peers = new SyncLoop(
    async () => {
      const wanted = peersOf(nodes.items(), nodeName)
      for (const [name, peer] of known) {
        if (JSON.stringify(wanted.get(name)) !== JSON.stringify(peer)) await removePeer(peer)
      }
      for (const [name, peer] of wanted) {
        if (JSON.stringify(known.get(name)) !== JSON.stringify(peer)) await addPeer(peer)
      }
      known = wanted
    },
    { signal, everyMs: 300_000, gatherMs: 50, onError: (error) => log('error', `Failed to add vxlan route: ${error}`) },
  )
  onNodes(peers.request)
}

/** The subnet that the controller manager gave this node, waited for; null when K3s stops before that. */
async function ownPodCidr(
  context: NodeContext,
  nodes: Informer,
  onNodes: (sync: () => void) => void,
): Promise<string | null> {
  const find = (): string | undefined =>
    nodes.items().find((node) => node.metadata.name === context.nodeName)?.spec?.podCIDR
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const look = (): void => {
    const podCidr = find()
    if (podCidr !== undefined) resolve(podCidr)
  }
  context.signal.addEventListener('abort', () => resolve(null), { once: true })
  onNodes(look)
  look()
  return promise
}
