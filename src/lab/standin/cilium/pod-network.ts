import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { attempt, run } from '../node/command.ts'
import { attachPodPrograms, removePodEntry, setPodEntries } from './bpf.ts'
import { link, links, setSysctl } from './devices.ts'
import type { EndpointRecord } from './endpoint-record.ts'

/** Source of frames that reach a pod through its node's stack from anybody but the node itself. */
const otherMac = '02:00:00:00:00:02'

export function randomMac(): string {
  const bytes = randomBytes(6)
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

export interface PodNetwork {
  /** Of the pod's link, and of its default route: the latter leaves room for the tunnel. */
  mtu: number
  routeMtu: number
  router: string
  /** To other nodes through the tunnel, or by the node's own routes. */
  withTunnel: boolean
}

type Wired = Pick<EndpointRecord, 'netns' | 'link' | 'linkMac' | 'podMac' | 'address' | 'identity'>

const inNetns = (netns: string, argv: readonly string[], stdin: string) =>
  run(['nsenter', `--net=${netns}`, ...argv], { stdin })

/** The veth of a pod, its address and its routes, and the entry by which the node's programs find it. */
export async function wirePod(pod: Wired, interfaceName: string, network: PodNetwork): Promise<void> {
  await run(['ip', '-batch', '-'], {
    stdin: `${[
      `link add ${pod.link} address ${pod.linkMac} mtu ${network.mtu} type veth peer name ${interfaceName} address ${pod.podMac} mtu ${network.mtu} netns ${pod.netns}`,
      `link set ${pod.link} up`,
    ].join('\n')}\n`,
  })
  await setSysctl(`net.ipv4.conf.${pod.link}.rp_filter`, '0')
  await inNetns(
    pod.netns,
    ['ip', '-batch', '-'],
    `${[
      `addr add ${pod.address}/32 dev ${interfaceName}`,
      `link set ${interfaceName} up`,
      `route add ${network.router}/32 dev ${interfaceName} scope link`,
      `route add default via ${network.router} dev ${interfaceName} mtu ${network.routeMtu}`,
    ].join('\n')}\n`,
  )
  await attachPodPrograms([pod], network.withTunnel)
  await enterPods([pod])
}

export async function enterPods(
  pods: readonly Pick<Wired, 'link' | 'linkMac' | 'podMac' | 'address'>[],
): Promise<void> {
  if (pods.length === 0) return
  const indexes = new Map((await links()).map(({ ifname, ifindex }) => [ifname, ifindex]))
  await setPodEntries(
    pods.flatMap((pod) => {
      const interfaceIndex = indexes.get(pod.link)
      if (interfaceIndex === undefined) return []
      return [{ address: pod.address, interfaceIndex, podMac: pod.podMac, hostMac: pod.linkMac, otherMac }]
    }),
  )
}

export async function unwirePod(pod: Pick<Wired, 'link' | 'address'>): Promise<void> {
  // The link is gone already when the pod's namespace went first.
  await attempt(['ip', 'link', 'del', pod.link])
  await removePodEntry(pod.address)
}

/** Whether an endpoint of an earlier agent still stands: its link, and its namespace. */
export async function stillWired(pod: Pick<Wired, 'link' | 'netns'>): Promise<boolean> {
  try {
    await access(pod.netns)
  } catch {
    return false
  }
  return (await link(pod.link)) !== undefined
}

export async function loadPodTable(netns: string, table: string): Promise<void> {
  await inNetns(netns, ['nft', '-f', '-'], table)
}
