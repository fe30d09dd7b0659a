import { attempt, ipBatch, run } from '../node/command.ts'

export interface RouteState {
  router: string
  podCidr: string
  /** Other nodes' ranges that go through the tunnel. */
  remotePodCidrs: readonly string[]
  /** Other nodes' ranges that go to the nodes themselves: native routing with autoDirectNodeRoutes. */
  direct: readonly { podCidr: string; nodeAddress: string }[]
  /** Of routes to other nodes: the device's MTU less the tunnel's header. */
  routeMtu: number
}

/** Routes by cilium_host in the main table, as a real agent leaves them (kernel protocol from 1.16 on). */
export function wantedRoutes({
  router,
  podCidr,
  remotePodCidrs,
  routeMtu,
}: Omit<RouteState, 'direct'>): Map<string, string> {
  const via = `via ${router} dev cilium_host proto kernel src ${router}`
  return new Map([
    [router, `${router}/32 dev cilium_host proto kernel scope link`],
    [podCidr, `${podCidr} ${via}`],
    ...remotePodCidrs.map((cidr): [string, string] => [cidr, `${cidr} ${via} mtu ${routeMtu}`]),
  ])
}

export async function syncRoutes(state: RouteState): Promise<void> {
  const wanted = wantedRoutes(state)
  const direct = new Map(state.direct.map(({ podCidr, nodeAddress }) => [podCidr, nodeAddress]))
  // What the kernel makes by itself has no gateway.
  const found = JSON.parse(await run(['ip', '-j', '-4', 'route', 'show', 'proto', 'kernel'])) as Found[]
  const isStale = ({ dst, dev, gateway }: Found) =>
    dev === 'cilium_host' ? !wanted.has(dst) : gateway !== undefined && direct.get(dst) !== gateway
  await ipBatch([
    ...found.filter(isStale).map(({ dst, dev }) => `route del ${dst} dev ${dev}`),
    ...[...wanted.values()].map((route) => `route replace ${route}`),
    ...[...direct].map(([podCidr, nodeAddress]) => `route replace ${podCidr} via ${nodeAddress} proto kernel`),
  ])
}

interface Found {
  dst: string
  dev: string
  gateway?: string
}

/** With the L7 proxy: rule 9 and its table, and the local table's rule moved from 0 to 100 (pkg/datapath/linux/node.go). */
export async function ensureProxyRules(): Promise<void> {
  const rules = JSON.parse(await run(['ip', '-j', '-4', 'rule', 'show'])) as { priority: number }[]
  const has = (priority: number) => rules.some((rule) => rule.priority === priority)
  await ipBatch([
    'route replace local default dev lo table 2004 proto kernel',
    ...(has(9) ? [] : ['rule add pref 9 fwmark 0x200/0xf00 lookup 2004 proto kernel']),
    ...(has(100) ? [] : ['rule add pref 100 from all lookup local proto kernel']),
  ])
  // Only after the other one stands: without a local table's rule the node answers nobody.
  if (has(0)) await attempt(['ip', 'rule', 'del', 'pref', '0', 'lookup', 'local'])
}
