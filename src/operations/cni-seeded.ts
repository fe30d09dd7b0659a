import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFile, removeFile, writeFileAtomic } from '../nodes/files.ts'
import { mustRun } from '../nodes/run.ts'
import type { World } from './world.ts'

/** containerd's defaults: what K3s' containerd uses once flannel is off (k3s-kube-router.md §3.5). */
export const defaultConfDir = '/etc/cni/net.d'
export const defaultBinDir = '/opt/cni/bin'
export const conflistName = '05-cilium.conflist'
export const conflistPath = `${defaultConfDir}/${conflistName}`

interface SeedWanted {
  portmap: boolean
}
interface SeedChange {
  conflist: { before: null; after: string }
}

/** Names that Cilium's CNI configurations give to the network, with and without portmap. */
export const ciliumNetworks = ['portmap', 'cilium'] as const

/** As the agent writes it (cilium 1.16 to 1.19), so that it finds nothing to change when it takes over. */
export const conflistText = (portmap: boolean): string =>
  `${JSON.stringify(
    {
      cniVersion: '0.3.1',
      name: portmap ? 'portmap' : 'cilium',
      plugins: [
        { type: 'cilium-cni', 'enable-debug': false, 'log-file': '/var/run/cilium/cilium-cni.log' },
        ...(portmap ? [{ type: 'portmap', capabilities: { portMappings: true } }] : []),
      ],
    },
    null,
    2,
  )}\n`

/**
 * The CNI configuration put where containerd will look once K3s runs without flannel. While flannel is on, K3s does not look
 * there (measured.md, second part 11), so it can be done in advance; without it nodes come back NotReady.
 */
export const cniSeeded: Operation<Facts, World, SeedWanted, SeedChange> = {
  name: 'cni.seeded',
  reads: ['cni', 'k3s'],
  diff(facts, target, wanted) {
    const node = facts.nodes[target]
    if (!node) return null
    if (node.cni.files[conflistPath]) return null
    return { conflist: { before: null, after: conflistText(wanted.portmap) } }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node) return facts
    const text = change.conflist.after
    const file = { path: conflistPath, type: 'file' as const, sizeBytes: text.length, mode: 0o600, text, sha256: null }
    const files = { ...node.cni.files, [conflistPath]: file }
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, cni: { files } } } }
  },
  fingerprint: (change) => ({ conflist: change.conflist }),
  render: (change) => ({
    summary: `write ${conflistPath}`,
    diffs: [{ subject: conflistPath, before: change.conflist.before, after: change.conflist.after }],
  }),
  async apply(world, target, change) {
    const node = world.nodes.get(target)
    await mustRun(node, { argv: ['mkdir', '-p', defaultConfDir, defaultBinDir], mode: 'write', timeoutMs: 30_000 })
    await writeFileAtomic(node, conflistPath, Buffer.from(change.conflist.after), {
      mode: 0o600,
      uid: 0,
      gid: 0,
      expectedSha256Before: null,
    })
  },
  async verify(world, target) {
    const files = (await world.look(['cni'], [target])).nodes[target]?.cni.files ?? {}
    for (const path of [conflistPath, `${defaultBinDir}/cilium-cni`, `${defaultBinDir}/loopback`])
      if (!files[path])
        throw new FailedError(`${path} is not there; the node would come back NotReady`, { host: target })
  },
  undo: {
    how: 'remove what was written',
    async run(world, target) {
      const node = world.nodes.get(target)
      const now = await readFile(node, conflistPath)
      if (now) await removeFile(node, conflistPath, now.sha256)
    },
  },
}
