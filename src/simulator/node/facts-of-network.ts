import { sha256 } from '../../engine/digest.ts'
import { agentConfDir, bundledBinDir, defaultConfDir } from '../cluster/k3s.ts'
import { syncPolicies } from '../cluster/kube-router.ts'
import { savedSets, savedTables } from '../cluster/netfilter.ts'
import type { NodeState } from '../cluster/state.ts'
import type { SectionsOf } from './facts.ts'

const lines = (list: readonly string[]) => list.map((line) => `${line}\n`).join('')

export const addressesJson = (node: NodeState): string =>
  JSON.stringify(
    node.links.map(({ name, kind, up, mtu, master, vxlanPort, addresses }) => ({
      ifname: name,
      flags: up ? ['BROADCAST', 'UP', 'LOWER_UP'] : ['BROADCAST'],
      mtu,
      ...(master === undefined ? {} : { master }),
      ...(kind === ''
        ? {}
        : { linkinfo: { info_kind: kind, ...(vxlanPort === undefined ? {} : { info_data: { port: vxlanPort } }) } }),
      addr_info: addresses.map((address) => ({
        family: 'inet',
        local: address.split('/')[0],
        prefixlen: Number(address.split('/')[1]),
        scope: 'global',
      })),
    })),
  )

export const networkSections: SectionsOf = (_state, node) => {
  const ports = node.links.flatMap((link) => (link.up && link.vxlanPort !== undefined ? [link.vxlanPort] : []))
  return [
    ['network.links', addressesJson(node)],
    ['network.routes', lines(node.routes)],
    ['network.routes6', ''],
    ['network.rules', lines(node.rules)],
    ['network.rules6', ''],
    ['network.udp', lines(ports.map((port) => `UNCONN 0 0 0.0.0.0:${port} 0.0.0.0:*`))],
  ]
}

export const netfilterSections: SectionsOf = (state, node) => {
  syncPolicies(state, node)
  return [
    ['netfilter.ip-nft', savedTables(node.tables)],
    ['netfilter.version', 'iptables v1.8.9 (nf_tables)\n'],
    ['netfilter.ipsets', savedSets(node.ipsets)],
    ['netfilter.tables', 'table ip filter\ntable ip nat\ntable ip mangle\n'],
  ]
}

const agentEtc = '/var/lib/rancher/k3s/agent/etc'
const listed = [
  ...[
    defaultConfDir,
    '/opt/cni/bin',
    agentConfDir,
    bundledBinDir,
    `${agentEtc}/flannel`,
    '/var/lib/cni',
    '/run/flannel',
  ],
]
const topOnly = ['/run/cilium', '/var/lib/cilium', '/etc/sysctl.d/99-zzz-override_cilium.conf']
const withText = [defaultConfDir, agentConfDir, `${agentEtc}/flannel`, '/run/flannel']
const below = (path: string, places: readonly string[]) =>
  places.some((place) => path === place || path.startsWith(`${place}/`))

export const cniSections: SectionsOf = (_state, node) => {
  const paths = Object.keys(node.files)
  const inPlaces = paths.filter((path) => below(path, listed))
  const shallow = paths.filter((path) =>
    topOnly.some((top) => path === top || (/^\/[^/]+$/.test(path.slice(top.length)) && path.startsWith(`${top}/`))),
  )
  const digests = [...inPlaces, ...paths.filter((path) => path === topOnly[2])].filter((path) => !node.files[path]?.dir)
  const texts = inPlaces.filter(
    (path) => below(path, withText) && !node.files[path]?.dir && /\.(conf|conflist|json|cilium_bak|env)$/.test(path),
  )
  const list = [...inPlaces, ...shallow].map((path) => {
    const { text = '', mode = 0, dir } = node.files[path] ?? {}
    return `${dir ? 'd' : 'f'} ${mode.toString(8)} ${text.length}\0${path}\0`
  })
  const textAt = (path: string) => node.files[path]?.text ?? ''
  return [
    ['cni.list', list.join('')],
    ['cni.digests', digests.map((path) => `${sha256(textAt(path))}  ${path}\0`).join('')],
    ['cni.texts', texts.map((path) => `${path}\0${Buffer.from(textAt(path)).toString('base64')}\0`).join('')],
  ]
}
