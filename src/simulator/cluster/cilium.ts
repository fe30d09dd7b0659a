import { gzipSync } from 'node:zlib'
import { parse } from 'yaml'
import type { KubeObject } from '../../kube/api.ts'
import { addRoute, defaultConfDir, putFile, putLink, removeLink } from './k3s.ts'
import { ensureRule, freshChain, tableOf } from './netfilter.ts'
import type { AgentSettings, ClusterState, NodeState } from './state.ts'

export function agentSettings(values: string): AgentSettings {
  const read = parse(values) as {
    podAnnotations: Record<string, string>
    cni: { customConf: boolean; exclusive: boolean; chainingMode?: string; confPath?: string; binPath?: string }
    policyEnforcementMode: string
    policyAuditMode?: boolean
    nodeSelector?: Record<string, string>
    updateStrategy: { type: string }
  }
  const { podAnnotations, nodeSelector = {} } = read
  const { confPath: confDir = defaultConfDir, binPath: binDir = '/opt/cni/bin' } = read.cni
  return {
    stage: podAnnotations['cni-migrate.io/stage'] ?? '',
    template: JSON.stringify([podAnnotations, nodeSelector, confDir, binDir]),
    strategy: read.updateStrategy.type,
    customConf: read.cni.customConf,
    exclusive: read.cni.exclusive,
    portmap: read.cni.chainingMode === 'portmap',
    enforces: read.policyEnforcementMode === 'default' && read.policyAuditMode !== true,
    nodeSelector,
    confDir,
    binDir,
  }
}

/** The settings of a node's agent: those of CiliumNodeConfigs that select it win, read when its pod is made (cilium.md §1.3). */
export function settingsOn(state: ClusterState, node: NodeState, settings: AgentSettings): AgentSettings {
  const specs = Object.values(state.objects)
    .filter(({ kind }) => kind === 'CiliumNodeConfig')
    .map(
      ({ spec }) => spec as { nodeSelector: { matchLabels: Record<string, string> }; defaults: Record<string, string> },
    )
    .filter(({ nodeSelector }) =>
      Object.entries(nodeSelector.matchLabels).every(([key, value]) => node.labels[key] === value),
    )
  const of: Record<string, string> = Object.assign({}, ...specs.map(({ defaults }) => defaults))
  const { 'custom-cni-conf': customConf, 'cni-exclusive': exclusive, 'cni-chaining-mode': chaining } = of
  return {
    ...settings,
    ...(customConf !== undefined && { customConf: customConf === 'true' }),
    ...(exclusive !== undefined && { exclusive: exclusive === 'true' }),
    ...(chaining !== undefined && { portmap: chaining === 'portmap' }),
  }
}

/** CNI configurations of others get another name, whenever they appear. */
export function putOthersAside(node: NodeState, confDir: string): void {
  for (const [path, file] of Object.entries(node.files)) {
    if (
      !path.startsWith(`${confDir}/`) ||
      !/\.(conf|conflist|json)$/.test(path) ||
      path.endsWith('/05-cilium.conflist')
    )
      continue
    node.files[`${path}.cilium_bak`] = file
    delete node.files[path]
  }
}

/** Whether the release's DaemonSet puts an agent on the node. */
export const hasAgent = ({ cilium: { release, withoutAgents } }: ClusterState, { labels }: NodeState): boolean =>
  release !== null &&
  !withoutAgents &&
  Object.entries(release.settings.nodeSelector).every(([key, value]) => labels[key] === value)

export const configKey = 'ConfigMap kube-system/cilium-config'

/** cilium-config as the chart makes it, as far as routing goes. */
export function configOf(values: string): KubeObject {
  const { routingMode, tunnelPort, autoDirectNodeRoutes, ipv4NativeRoutingCIDR, kubeProxyReplacement } = parse(
    values,
  ) as {
    routingMode: string
    tunnelPort: number
    autoDirectNodeRoutes?: boolean
    ipv4NativeRoutingCIDR?: string
    kubeProxyReplacement: boolean
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cilium-config', namespace: 'kube-system' },
    data: {
      'auto-direct-node-routes': `${autoDirectNodeRoutes ?? false}`,
      ...(ipv4NativeRoutingCIDR === undefined ? {} : { 'ipv4-native-routing-cidr': ipv4NativeRoutingCIDR }),
      'kube-proxy-replacement': `${kubeProxyReplacement}`,
      'routing-mode': routingMode,
      ...(routingMode === 'native' ? {} : { 'tunnel-port': `${tunnelPort}` }),
    },
  }
}

/** What an agent that starts now takes from cilium-config; null: it exits over it (cilium.md §4.4). */
export function routingNow(state: ClusterState): RoutingNow | null {
  const data = state.objects[configKey]?.data as Record<string, string>
  const native = data['routing-mode'] === 'native'
  const tunnelPort = Number(data['tunnel-port'] ?? 8472)
  return !native && data['auto-direct-node-routes'] === 'true' ? null : { native, tunnelPort }
}

interface RoutingNow {
  native: boolean
  tunnelPort: number
}

export const recordKey = 'Secret kube-system/sh.helm.release.v1.cilium.v1'

/** What helm keeps of a release that is deployed; only the newest is here, and always the first. */
export function releaseRecord(version: string, values: string): KubeObject {
  const release = gzipSync(JSON.stringify({ chart: { metadata: { version } }, config: parse(values) }))
  const labels = { owner: 'helm', name: 'cilium', status: 'deployed', version: '1' }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'sh.helm.release.v1.cilium.v1', namespace: 'kube-system', labels },
    data: { release: Buffer.from(release.toString('base64')).toString('base64') },
  }
}

export const ciliumKinds = [
  'ciliumendpoints',
  'ciliumidentities',
  'ciliumnetworkpolicies',
  'ciliumnodeconfigs',
  'ciliumnodes',
]

const feeders = [
  ['filter', 'INPUT', 'CILIUM_INPUT'],
  ['filter', 'FORWARD', 'CILIUM_FORWARD'],
  ['filter', 'OUTPUT', 'CILIUM_OUTPUT'],
  ['nat', 'POSTROUTING', 'CILIUM_POST_nat'],
  ['mangle', 'PREROUTING', 'CILIUM_PRE_mangle'],
] as const

/** As the agent writes it; the portmap plugin behind it where there are host ports. */
const conflist = (portmap: boolean) =>
  `${JSON.stringify({ name: portmap ? 'portmap' : 'cilium', plugins: [{ type: 'cilium-cni' }] })}\n`

/** What an agent that starts makes of its node. None of it goes away when the agent does (cilium.md §8.1). */
export function startAgent(state: ClusterState, node: NodeState, settings: AgentSettings, routing: RoutingNow): void {
  const range = `10.52.${node.index}`
  // A port that somebody holds leaves the link DOWN, in silence (measured.md, second part 1).
  const taken = node.links.some(
    (link) => link.name !== 'cilium_vxlan' && link.up && link.vxlanPort === routing.tunnelPort,
  )
  putLink(node, { name: 'cilium_net', kind: 'veth', up: true, mtu: 1500, addresses: [] })
  putLink(node, { name: 'cilium_host', kind: 'veth', up: true, mtu: 1500, addresses: [`${range}.1/32`] })
  if (routing.native) removeLink(node, 'cilium_vxlan')
  else
    putLink(node, {
      name: 'cilium_vxlan',
      kind: 'vxlan',
      up: !taken,
      mtu: 1500,
      vxlanPort: routing.tunnelPort,
      addresses: [],
    })
  putLink(node, { name: 'lxc_health', kind: 'veth', up: true, mtu: 1500, addresses: [] })
  for (const route of [`${range}.0/24 via ${range}.1 dev cilium_host`, `${range}.1 dev cilium_host scope link`])
    if (!node.routes.includes(route)) node.routes.push(route)
  const rule = '9:\tfrom all fwmark 0x200/0xf00 lookup 2004'
  if (!node.rules.includes(rule)) node.rules.push(rule)
  for (const binary of ['cilium-cni', 'loopback'])
    if (!node.files[`${settings.binDir}/${binary}`]) putFile(node, `${settings.binDir}/${binary}`, binary, 0o755)
  putFile(node, '/etc/sysctl.d/99-zzz-override_cilium.conf', 'net.ipv4.conf.lxc*.rp_filter = 0\n')
  putFile(node, '/run/cilium/cilium.pid', '1\n')
  for (const [table, builtin, chain] of feeders) {
    freshChain(tableOf(node, table), chain).rules.push('-m comment --comment "cilium: rule" -j ACCEPT')
    ensureRule(tableOf(node, table), builtin, `-m comment --comment "cilium-feeder: ${chain}" -j ${chain}`, 'first')
  }
  if (!settings.customConf) {
    const own = `${settings.confDir}/05-cilium.conflist`
    if (!node.files[own]) putFile(node, own, conflist(settings.portmap), 0o600)
    if (settings.exclusive) putOthersAside(node, settings.confDir)
  }
  state.cilium.ranges[node.name] = `${range}.0/24`
}

const rangeOf = (node: NodeState): string => `10.52.${node.index}.0/24`

/** How a node's packets get to the pods of another: by the tunnel, to the other itself, or not at all. */
export function wayTo(from: NodeState, to: NodeState): 'tunnel' | 'native' | null {
  const route = from.routes.find((one) => one.startsWith(`${rangeOf(to)} `))
  if (route === undefined) return null
  return route.endsWith(' dev cilium_host') ? 'tunnel' : 'native'
}

/** Agents that run have routes to every range that a node has by now. */
export function syncRoutes(state: ClusterState): void {
  for (const [name, agent] of Object.entries(state.cilium.agents)) {
    const node = state.nodes[name]
    if (!node || !agent.ready) continue
    for (const other of Object.values(state.nodes)) {
      if (other === node || state.cilium.ranges[other.name] === undefined) continue
      if (wayTo(node, other) === (agent.native ? 'native' : 'tunnel')) continue
      const range = rangeOf(other)
      node.routes = node.routes.filter((route) => !route.startsWith(`${range} `))
      const way = agent.native ? `${other.address} dev eth0` : `10.52.${node.index}.1 dev cilium_host`
      addRoute(node, `${range} via ${way}`)
    }
  }
}

const isCiliums = (name: string) => /^(cilium_(host|net|vxlan)|lxc\w{12}|lxc_health)$/.test(name)

/** The script cilium-leftovers: what an uninstalled Cilium leaves on a node, but its rules. `kept`: paths that stay. */
export function removeLeftovers(node: NodeState, kept: readonly string[]): void {
  const gone = node.links.filter((link) => isCiliums(link.name)).map((link) => link.name)
  node.links = node.links.filter((link) => !gone.includes(link.name))
  node.routes = node.routes.filter((route) => !gone.some((name) => ` ${route} `.includes(` dev ${name} `)))
  node.rules = node.rules.filter((rule) => !/fwmark 0x[0-9a-f]+\/0xf00 lookup (200|2004|2005)/.test(rule))
  for (const path of Object.keys(node.files)) {
    if (/^\/(run|var\/lib)\/cilium(\/|$)/.test(path)) delete node.files[path]
    if (kept.includes(path)) continue
    if (path === '/etc/sysctl.d/99-zzz-override_cilium.conf') delete node.files[path]
    if (path.endsWith('/cilium-cni') || path === '/opt/cni/bin/loopback') delete node.files[path]
    if (/net\.d\/05-cilium\.conf(list)?$/.test(path)) delete node.files[path]
    if (path.endsWith('.cilium_bak')) {
      const original = path.slice(0, -'.cilium_bak'.length)
      const file = node.files[path]
      if (file && !node.files[original]) node.files[original] = file
      delete node.files[path]
    }
  }
  for (const folder of ['/opt/cni/bin', '/opt/cni', '/etc/cni/net.d', '/etc/cni']) {
    const isEmpty = !Object.keys(node.files).some((path) => path.startsWith(`${folder}/`))
    if (isEmpty && !kept.includes(folder)) delete node.files[folder]
  }
}
