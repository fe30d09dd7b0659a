import type { Json, Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { removeCiliumLeftovers } from './cilium-leftovers.ts'
import { ciliumFiles } from './cilium-leftovers-script.ts'
import { netfilterPurged, type PurgeChange, purgedTables, purgeOf } from './netfilter-purged.ts'
import type { World } from './world.ts'

interface AbsentChange {
  links: string[]
  paths: string[]
  rules: PurgeChange | null
}

const isCiliums = (link: string): boolean =>
  /^(cilium_(host|net|vxlan|geneve|wg0)|lxc_health|lxc[0-9a-f]{12})$/.test(link)

const renamed = '.cilium_bak'
/** Another's configuration that an agent put aside: it goes back to its name. */
const isRenamed = (path: string): boolean => /\/net\.d\/[^/]+\.cilium_bak$/.test(path)

/** Distributions bring plugins of this name too, and nobody can tell whose it is. It does no harm. */
const kept = ['/opt/cni/bin/loopback']

/** The tables that a planned removal takes rules from, as a guard knows them. */
export const ciliumTables = (change: Json): string[] => {
  const { rules } = change as unknown as AbsentChange
  return rules ? purgedTables(rules as unknown as Json) : []
}

/** What Cilium left on a node that it was uninstalled from: links, rules, programs and files (cilium.md §8.1). */
export const ciliumAbsent: Operation<Facts, World, undefined, AbsentChange> = {
  name: 'cilium.absent',
  reads: ['network', 'cni', 'netfilter', 'sandboxes', 'k3s'],
  diff(facts, target) {
    const node = facts.nodes[target]
    if (!node) return null
    const links = node.network.links.map((link) => link.name).filter(isCiliums)
    const paths = [
      ...ciliumFiles.filter((path) => node.cni.files[path] !== undefined && !kept.includes(path)),
      ...Object.keys(node.cni.files).filter(isRenamed),
    ]
    const rules = purgeOf(node, 'cilium')
    return links.length + paths.length === 0 && rules === null ? null : { links: links.sort(), paths, rules }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node) return facts
    const network = { ...node.network, links: node.network.links.filter(({ name }) => !change.links.includes(name)) }
    const files = Object.fromEntries(
      Object.entries(node.cni.files).flatMap(([path, file]) => {
        if (!change.paths.includes(path)) return [[path, file]]
        const original = path.slice(0, -renamed.length)
        return isRenamed(path) && !node.cni.files[original] ? [[original, { ...file, path: original }]] : []
      }),
    )
    const freed = { ...facts, nodes: { ...facts.nodes, [target]: { ...node, network, cni: { files } } } }
    return change.rules ? netfilterPurged.predict(freed, target, change.rules) : freed
  },
  // Pods come and go, and their links with them; a node that was switched off and on has none of either.
  fingerprint: () => 'what Cilium left',
  render: ({ links, paths, rules }) => ({
    summary: `remove ${links.length} links, ${paths.length} files and the programs that Cilium left${rules ? `; ${netfilterPurged.render(rules).summary}` : ''}`,
    diffs: rules ? (netfilterPurged.render(rules).diffs ?? []) : [],
    notes: [...links, ...paths],
  }),
  apply: (world, target, _change, task) => removeCiliumLeftovers(world, target, kept, task),
  async verify(world, target) {
    const left = ciliumAbsent.diff(await world.look(['network', 'cni', 'netfilter'], [target]), target, undefined)
    if (left) throw new FailedError(`still there: ${ciliumAbsent.render(left).summary}`, { host: target })
  },
  undo: { notNeeded: 'an agent that is installed again makes them anew' },
}
