import { parse } from 'yaml'
import { chainOf, ensureRule, freshChain, tableOf } from './netfilter.ts'
import type { ClusterState, FileState, Link, NodeState, Runs } from './state.ts'

export const configFile = '/etc/rancher/k3s/config.yaml'
export const agentConfDir = '/var/lib/rancher/k3s/agent/etc/cni/net.d'
export const defaultConfDir = '/etc/cni/net.d'
export const containerdConfig = '/var/lib/rancher/k3s/agent/etc/containerd/config.toml'
export const bundledBinDir = '/var/lib/rancher/k3s/data/cni'
export const clusterCidr = '10.42.0.0/16'

export const unitFile = (node: NodeState): string => `/etc/systemd/system/${node.unit.name}.service`

/** ExecStart's words in a unit file: lines that end in a backslash go on. */
export function execWords(text: string): string[] {
  const [, command = ''] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(text) ?? []
  return command
    .replace(/\\\n/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/^'(.*)'$/, '$1'))
}

/** What K3s makes of its files and arguments: config.yaml, then the drop-ins by name, then the arguments; the last wins. */
function settings(node: NodeState): { values: Record<string, string>; args: string[] } {
  const configs = Object.keys(node.files)
    .filter((path) => path === configFile || (path.startsWith(`${configFile}.d/`) && path.endsWith('.yaml')))
    .sort()
  const fromFiles = configs.flatMap((path) =>
    Object.entries((parse(node.files[path]?.text ?? '') ?? {}) as Record<string, unknown>)
      .filter(([key]) => key !== 'token')
      .map(([key, value]) => [key, String(value)] as const),
  )
  const words = node.unit.words.slice(2)
  const fromWords = words.flatMap((word, at) => {
    const [, key, value] = /^--([a-z-]+)(?:=(.*))?$/.exec(word) ?? []
    if (key === undefined) return []
    const next = words[at + 1]
    return [[key, value ?? (next === undefined || next.startsWith('-') ? 'true' : next)] as const]
  })
  const all = [...fromFiles, ...fromWords]
  return {
    values: Object.fromEntries(all),
    args: [node.role, ...all.flatMap(([key, value]) => [`--${key}`, value])],
  }
}

/** What a server would run with if it started now. */
export function serverSettings(node: NodeState): Runs {
  const { values, args } = settings(node)
  const backend = values['flannel-backend'] ?? 'vxlan'
  return { flannel: backend !== 'none', policies: values['disable-network-policy'] !== 'true', args }
}

export function putLink(node: NodeState, link: Link): void {
  node.links = [...node.links.filter((one) => one.name !== link.name), link]
}

export function removeLink(node: NodeState, name: string): void {
  node.links = node.links.filter((link) => link.name !== name)
  node.routes = node.routes.filter((route) => !` ${route} `.includes(` dev ${name} `))
}

const folder = (): FileState => ({ text: '', mode: 0o755, dir: true })

export function putFile(node: NodeState, path: string, text: string, mode = 0o644): void {
  const parts = path.split('/').slice(1, -1)
  for (const [at] of parts.entries()) node.files[`/${parts.slice(0, at + 1).join('/')}`] ??= folder()
  node.files[path] = { text, mode }
}

/** Another vxlan link that is up holds flannel's UDP port: K3s ends with an error and is started again (measured.md). */
export const portIsTaken = (node: NodeState): boolean =>
  node.links.some((link) => link.name !== 'flannel.1' && link.up && link.vxlanPort === 8472)

/** What a starting K3s writes for containerd, and with flannel its link, lease, configuration and rules. */
export function becomeActive(state: ClusterState, node: NodeState, runs: Runs): void {
  node.unit.phase = 'active'
  node.unit.sinceMs = state.nowMs
  node.unit.lastResult = 'success'
  node.runs = runs
  node.kubeRouter.dirty = true
  const section = runs.flannel
    ? `\n[plugins.cri.cni]\n  bin_dir = "${bundledBinDir}"\n  conf_dir = "${agentConfDir}"\n`
    : ''
  putFile(node, containerdConfig, `[plugins.opt]\n  path = "/x"\n${section}`, 0o600)
  proxyRules(node)
  if (!runs.flannel) return
  const range = `10.42.${node.index}`
  putLink(node, {
    name: 'flannel.1',
    kind: 'vxlan',
    up: true,
    mtu: 1450,
    vxlanPort: 8472,
    addresses: [`${range}.0/32`],
  })
  for (const other of Object.values(state.nodes))
    if (other !== node) addRoute(node, `10.42.${other.index}.0/24 via 10.42.${other.index}.0 dev flannel.1 onlink`)
  putFile(node, `${agentConfDir}/10-flannel.conflist`, '{"name":"cbr0","plugins":[{"type":"flannel"}]}\n')
  putFile(node, '/var/lib/rancher/k3s/agent/etc/flannel/net-conf.json', `{"Network":"${clusterCidr}"}\n`)
  putFile(node, '/run/flannel/subnet.env', `FLANNEL_NETWORK=${clusterCidr}\nFLANNEL_SUBNET=${range}.1/24\n`)
  const [filter, nat] = [tableOf(node, 'filter'), tableOf(node, 'nat')]
  const masq = '-m comment --comment "flanneld masq"'
  const forward = '-m comment --comment "flanneld forward"'
  freshChain(filter, 'FLANNEL-FWD').rules.push(
    `-s ${clusterCidr} ${forward} -j ACCEPT`,
    `-d ${clusterCidr} ${forward} -j ACCEPT`,
  )
  freshChain(nat, 'FLANNEL-POSTRTG').rules.push(
    `-s ${range}.0/24 -d ${clusterCidr} ${masq} -j RETURN`,
    `! -s ${clusterCidr} -d ${clusterCidr} ${masq} -j MASQUERADE --random-fully`,
  )
  ensureRule(filter, 'FORWARD', `${forward} -j FLANNEL-FWD`, 'last')
  ensureRule(nat, 'POSTROUTING', `${masq} -j FLANNEL-POSTRTG`, 'last')
}

export function addRoute(node: NodeState, route: string): void {
  if (!node.routes.includes(route)) node.routes.push(route)
}

/** kube-proxy's: some that stand for all. */
function proxyRules(node: NodeState): void {
  const [filter, nat] = [tableOf(node, 'filter'), tableOf(node, 'nat')]
  if (!chainOf(nat, 'KUBE-SERVICES')) freshChain(nat, 'KUBE-SERVICES').rules.push('-d 10.43.0.1/32 -j RETURN')
  if (!chainOf(filter, 'KUBE-FORWARD')) freshChain(filter, 'KUBE-FORWARD').rules.push('-j ACCEPT')
  const portals = '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
  for (const chain of ['PREROUTING', 'OUTPUT']) ensureRule(nat, chain, portals, 'first')
  ensureRule(filter, 'FORWARD', '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD', 'first')
}

/** Where containerd looks for the network of new pods, by what K3s wrote at its last start. */
export const confDirOf = (node: NodeState): string =>
  node.files[containerdConfig]?.text.includes('[plugins.cri.cni]') ? agentConfDir : defaultConfDir

/** The network that containerd would give a new pod, or null: none is configured. */
export function networkInForce(node: NodeState): 'flannel' | 'cilium' | null {
  const dir = `${confDirOf(node)}/`
  const confs = Object.keys(node.files)
    .filter((path) => path.startsWith(dir) && /\.(conf|conflist|json)$/.test(path))
    .sort()
  const first = confs[0]
  if (first === undefined) return null
  if (first.endsWith('/10-flannel.conflist')) return 'flannel'
  return first.endsWith('/05-cilium.conflist') ? 'cilium' : null
}
