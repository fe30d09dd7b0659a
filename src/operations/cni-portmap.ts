import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFile, removeFile } from '../nodes/files.ts'
import { mustRun } from '../nodes/run.ts'
import { defaultBinDir } from './cni-seeded.ts'
import type { World } from './world.ts'

interface CopyChange {
  from: string
  to: string
}

/**
 * K3s' own portmap plugin copied to where containerd looks once flannel is off: Cilium brings cilium-cni and loopback, and not
 * portmap, which hostPorts need behind it (cilium.md §7.8). While flannel is on, nobody looks there.
 */
export const cniPortmap: Operation<Facts, World, { needed: boolean }, CopyChange> = {
  name: 'cni.portmap',
  reads: ['cni', 'k3s'],
  diff(facts, target, { needed }) {
    const node = facts.nodes[target]
    const to = `${defaultBinDir}/portmap`
    return !needed || !node || node.cni.files[to] ? null : { from: `${node.k3s.cni.binDir}/portmap`, to }
  },
  predict(facts, target, { to }) {
    const node = facts.nodes[target]
    if (!node) return facts
    const file = { path: to, type: 'file' as const, sizeBytes: 0, mode: 0o755, text: null, sha256: null }
    return {
      ...facts,
      nodes: { ...facts.nodes, [target]: { ...node, cni: { files: { ...node.cni.files, [to]: file } } } },
    }
  },
  fingerprint: ({ from, to }) => ({ from, to }),
  render: ({ from, to }) => ({ summary: `copy ${from} to ${to}` }),
  async apply(world, target, { from, to }) {
    const node = world.nodes.get(target)
    await mustRun(node, { argv: ['mkdir', '-p', defaultBinDir], mode: 'write', timeoutMs: 30_000 })
    // The source is a link into K3s' multi-call binary on newer releases: follow it.
    await mustRun(node, { argv: ['cp', '-L', from, to], mode: 'write', timeoutMs: 60_000 })
  },
  async verify(world, target, { to }) {
    if (!(await world.look(['cni'], [target])).nodes[target]?.cni.files[to])
      throw new FailedError(`${to} is not there; pods with host ports could not start`, { host: target })
  },
  undo: {
    how: 'remove the copy',
    async run(world, target, { to }) {
      const node = world.nodes.get(target)
      const copied = await readFile(node, to)
      if (copied) await removeFile(node, to, copied.sha256)
    },
  },
}
