import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun } from '../nodes/run.ts'
import type { World } from './world.ts'

interface FlannelChange {
  links: string[]
  paths: string[]
}

const links = ['cni0', 'flannel.1', 'flannel-v6.1', 'flannel-wg', 'flannel-wg-v6']
const agentDir = '/var/lib/rancher/k3s/agent/etc'

/** Flannel's and its plugins' files: lease, caches, configuration (k3s-kube-router.md §3.2). None goes away by itself. */
const isFlannels = (path: string): boolean =>
  path === '/run/flannel/subnet.env' ||
  path === `${agentDir}/cni/net.d/10-flannel.conflist` ||
  path === `${agentDir}/cni/net.d/10-flannel.conflist.cilium_bak` ||
  path === `${agentDir}/flannel/net-conf.json` ||
  path.startsWith('/var/lib/cni/flannel/') ||
  path.startsWith('/var/lib/cni/networks/cbr0/') ||
  path.startsWith('/var/lib/cni/results/cbr0-')

/** Flannel's links (their routes, ARP and FDB entries go with them) and files gone from a node that no longer runs it. */
export const flannelAbsent: Operation<Facts, World, undefined, FlannelChange> = {
  name: 'flannel.absent',
  reads: ['network', 'cni'],
  diff(facts, target) {
    const node = facts.nodes[target]
    if (!node) return null
    const change = {
      links: node.network.links.map((link) => link.name).filter((name) => links.includes(name)),
      paths: Object.values(node.cni.files)
        .filter((file) => file.type !== 'dir' && isFlannels(file.path))
        .map((file) => file.path)
        .sort(),
    }
    return change.links.length + change.paths.length === 0 ? null : change
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node) return facts
    const network = {
      ...node.network,
      links: node.network.links.filter((link) => !change.links.includes(link.name)),
      routes: node.network.routes.filter((route) => !change.links.some((link) => route.includes(` dev ${link} `))),
    }
    const files = Object.fromEntries(Object.entries(node.cni.files).filter(([path]) => !change.paths.includes(path)))
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, network, cni: { files } } } }
  },
  // Leases are named by pod, and a node that was switched off and on has none of the links: what of flannel's own is there at
  // that moment is not for the plan to fix.
  fingerprint: () => "flannel's own links and files",
  render: (change) => ({
    summary: `delete ${change.links.join(', ') || 'no links'} and ${change.paths.length} files of flannel`,
    notes: change.paths,
  }),
  async apply(world, target, change) {
    const node = world.nodes.get(target)
    // Leases first: a pod without one is how the way back tells that its link is gone (pods-recreated.ts).
    if (change.paths.length > 0)
      await mustRun(node, { argv: ['rm', '-f', '--', ...change.paths], mode: 'write', timeoutMs: 60_000 })
    for (const link of change.links)
      await mustRun(node, { argv: ['ip', 'link', 'delete', link], mode: 'write', timeoutMs: 30_000 })
  },
  async verify(world, target) {
    const left = flannelAbsent.diff(await world.look(['network', 'cni'], [target]), target, undefined)
    if (left) throw new FailedError(`still there: ${[...left.links, ...left.paths].join(', ')}`, { host: target })
  },
  undo: { notNeeded: 'K3s makes links and files anew when it starts with flannel (undoing of stop-servers)' },
}
