import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFile, removeFile, writeFileAtomic } from '../nodes/files.ts'
import { mustRun } from '../nodes/run.ts'
import type { World } from './world.ts'

/** containerd's defaults: what K3s' containerd uses once flannel is off (k3s-kube-router.md §3.5). */
export const defaultConfDir = '/etc/cni/net.d'
export const defaultBinDir = '/opt/cni/bin'
export const conflistPath = `${defaultConfDir}/05-cilium.conflist`

interface SeedWanted {
  portmap: boolean
}
interface SeedChange {
  conflist: { before: string | null; after: string }
  /** Copied from K3s' own plugin directory; Cilium brings cilium-cni and loopback itself. */
  copy: { from: string; to: string } | null
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
    const before = node.cni.files[conflistPath]?.text ?? null
    const after = conflistText(wanted.portmap)
    const to = `${defaultBinDir}/portmap`
    const copy = wanted.portmap && !node.cni.files[to] ? { from: `${node.k3s.cni.binDir}/portmap`, to } : null
    return before === null || copy ? { conflist: { before, after: before ?? after }, copy } : null
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node) return facts
    const text = change.conflist.after
    const file = { path: conflistPath, type: 'file' as const, sizeBytes: text.length, mode: 0o600, text, sha256: null }
    const files = { ...node.cni.files, [conflistPath]: file }
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, cni: { files } } } }
  },
  fingerprint: (change) => ({ conflist: change.conflist, copy: change.copy }),
  render: (change) => ({
    summary: `write ${conflistPath}${change.copy ? ` and copy ${change.copy.to}` : ''}`,
    diffs: [{ subject: conflistPath, before: change.conflist.before, after: change.conflist.after }],
  }),
  async apply(world, target, change) {
    const node = world.nodes.get(target)
    await mustRun(node, { argv: ['mkdir', '-p', defaultConfDir, defaultBinDir], mode: 'write', timeoutMs: 30_000 })
    if (change.copy)
      // The source is a link into K3s' multi-call binary on newer releases: follow it.
      await mustRun(node, { argv: ['cp', '-L', change.copy.from, change.copy.to], mode: 'write', timeoutMs: 60_000 })
    if (change.conflist.before === null)
      await writeFileAtomic(node, conflistPath, Buffer.from(change.conflist.after), {
        mode: 0o600,
        uid: 0,
        gid: 0,
        expectedSha256Before: null,
      })
  },
  async verify(world, target, change) {
    const files = (await world.look(['cni'], [target])).nodes[target]?.cni.files ?? {}
    for (const path of [
      conflistPath,
      `${defaultBinDir}/cilium-cni`,
      `${defaultBinDir}/loopback`,
      ...(change.copy ? [change.copy.to] : []),
    ])
      if (!files[path])
        throw new FailedError(`${path} is not there; the node would come back NotReady`, { host: target })
  },
  undo: {
    how: 'remove what was written',
    async run(world, target, change) {
      const node = world.nodes.get(target)
      const now = await readFile(node, conflistPath)
      if (now && change.conflist.before === null) await removeFile(node, conflistPath, now.sha256)
      const copied = change.copy ? await readFile(node, change.copy.to) : null
      if (copied && change.copy) await removeFile(node, change.copy.to, copied.sha256)
    },
  },
}
