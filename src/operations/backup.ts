import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFile } from '../nodes/files.ts'
import { bytesOf } from '../nodes/text.ts'
import type { World } from './world.ts'

interface BackupChange {
  /** Path to digest, as planned: what must be in the backup. */
  files: Record<string, string>
}

/** Where a file of a node lies in its backup folder: the same path under `files`. */
export const backupName = (path: string): string => `files${path}`

/** Everything on a node that a later step changes or removes, copied to the operator's side and read back. */
export const backupTaken: Operation<Facts, World, undefined, BackupChange> = {
  name: 'backup.taken',
  reads: ['k3s', 'cni', 'netfilter', 'network'],
  diff(facts, target) {
    const node = facts.nodes[target]
    if (!node) return null
    const conf = Object.values(node.cni.files).filter((file) => file.text !== null && file.sha256 !== null)
    return {
      files: {
        ...Object.fromEntries(Object.entries(node.k3s.files).map(([path, file]) => [path, file.sha256])),
        ...Object.fromEntries(conf.map((file) => [file.path, file.sha256 ?? ''])),
      },
    }
  },
  predict: (facts) => facts,
  // K3s and the CNI plugins rewrite leases and caches all the time: the service files are what must not have moved.
  fingerprint: (change) =>
    Object.fromEntries(Object.entries(change.files).filter(([path]) => /^\/etc\/(?!cni\/)/.test(path))),
  render: (change) => ({
    summary: `copy ${Object.keys(change.files).length} files and all rule sets to the run's folder`,
    notes: Object.keys(change.files).filter((path) => path.startsWith('/etc/')),
  }),
  async apply(world, target, change) {
    const node = world.nodes.get(target)
    for (const path of Object.keys(change.files)) {
      const file = await readFile(node, path)
      if (file) await world.backups.put(target, backupName(path), file.bytes)
    }
    const facts = await world.look(['netfilter', 'network'], [target])
    const now = facts.nodes[target]
    if (!now) throw new FailedError('no facts', { host: target })
    const texts: Record<string, string> = {
      ...Object.fromEntries(
        Object.entries(now.netfilter.rulesets).map(([name, text]) => [`${name}.rules`, text ?? '']),
      ),
      'ipsets.save': now.netfilter.ipsets,
      'network.json': JSON.stringify(now.network, null, 2),
    }
    for (const [name, text] of Object.entries(texts)) await world.backups.put(target, name, bytesOf(text))
  },
  async verify(world, target, change) {
    for (const path of Object.keys(change.files).filter((one) => one.startsWith('/etc/')))
      if (!(await world.backups.get(target, backupName(path))))
        throw new FailedError(`no backup of ${path} was written`, { host: target })
  },
  undo: { notNeeded: 'the copies stay in the folder of the run' },
}
