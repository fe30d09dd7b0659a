import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun } from '../nodes/run.ts'
import { ciliumFiles } from './cilium-leftovers-script.ts'
import { defaultConfDir } from './cni-seeded.ts'
import type { World } from './world.ts'

const ofK3s = ciliumFiles.filter((path) => path.startsWith('/var/lib/rancher/'))

/**
 * What Cilium has in the directories that K3s uses with flannel, gone once it runs without: a K3s that is given flannel again some
 * day would come up with a configuration there that sorts before flannel's, of an agent that knows nothing of it.
 */
export const formerCniAbsent: Operation<Facts, World, undefined, { paths: string[] }> = {
  name: 'cni.former-absent',
  reads: ['cni', 'k3s'],
  diff(facts, target) {
    const node = facts.nodes[target]
    if (!node || node.k3s.cni.confDir !== defaultConfDir) return null
    const paths = ofK3s.filter((path) => node.cni.files[path] !== undefined)
    return paths.length === 0 ? null : { paths }
  },
  predict(facts, target, { paths }) {
    const node = facts.nodes[target]
    if (!node) return facts
    const files = Object.fromEntries(Object.entries(node.cni.files).filter(([path]) => !paths.includes(path)))
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, cni: { files } } } }
  },
  // Which of them are there the agents decide that are still to come when this is planned.
  fingerprint: () => 'what Cilium has where K3s looks with flannel',
  render: ({ paths }) => ({
    summary: `remove ${paths.length} files of Cilium from where K3s no longer looks`,
    notes: paths,
  }),
  async apply(world, target, { paths }) {
    await mustRun(world.nodes.get(target), { argv: ['rm', '-f', '--', ...paths], mode: 'write', timeoutMs: 30_000 })
  },
  async verify(world, target) {
    const left = formerCniAbsent.diff(await world.look(['cni', 'k3s'], [target]), target, undefined)
    if (left) throw new FailedError(`still there: ${left.paths.join(', ')}`, { host: target })
  },
  undo: { notNeeded: 'its agents write them again when they are to use these directories' },
}
