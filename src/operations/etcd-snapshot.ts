import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { readFile } from '../nodes/files.ts'
import { mustRun } from '../nodes/run.ts'
import type { World } from './world.ts'

interface SnapshotChange {
  name: string
  /** Snapshots that were there before: a new one is told apart by not being among them. */
  existing: string[]
}

const tokenPath = '/var/lib/rancher/k3s/server/token'

/**
 * An etcd snapshot of the cluster, proved and copied off the node together with the server token that it cannot be restored
 * without. The command's exit code proves nothing: a failed save exits 0 (k3s-kube-router.md §6.1).
 */
export const etcdSnapshot: Operation<Facts, World, { name: string }, SnapshotChange> = {
  name: 'etcd.snapshot',
  reads: ['etcd'],
  diff(facts, target, wanted) {
    const existing = facts.nodes[target]?.etcd?.snapshots.map((snapshot) => snapshot.name) ?? []
    return { name: wanted.name, existing }
  },
  predict: (facts) => facts,
  // Scheduled snapshots come and go by themselves.
  fingerprint: (change) => change.name,
  render: (change) => ({
    summary: `k3s etcd-snapshot save --name ${change.name}`,
    notes: ['proved by its file, its size and the node in its name; copied to the run folder with the server token'],
  }),
  async apply(world, target, change, task) {
    const node = world.nodes.get(target)
    task.say('saving the snapshot')
    await mustRun(node, {
      argv: ['k3s', 'etcd-snapshot', 'save', '--name', change.name],
      mode: 'write',
      timeoutMs: Math.min(task.remainingMs(), 180_000),
    })
    const snapshot = await newSnapshot(world, target, change)
    task.say(`copying ${snapshot.name} (${Math.ceil(snapshot.sizeBytes / 1024 ** 2)} MiB)`)
    const copy = await world.backups.fetch(target, `snapshot/${snapshot.name}`, node, snapshot.path)
    if (copy.sizeBytes !== snapshot.sizeBytes)
      throw new FailedError(`${snapshot.name} changed while it was copied`, { host: target, next: 'migrate resume' })
    const token = await readFile(node, tokenPath)
    if (!token)
      throw new FailedError(`${tokenPath} does not exist; the snapshot could not be restored without it`, {
        host: target,
      })
    await world.backups.put(target, 'snapshot/token', token.bytes)
  },
  async verify(world, target, change) {
    const snapshot = await newSnapshot(world, target, change)
    for (const name of [snapshot.name, 'token'])
      if (!(await world.backups.get(target, `snapshot/${name}`)))
        throw new FailedError(`there is no copy of ${name} in the run's folder`, { host: target })
  },
  undo: { notNeeded: 'the snapshot is kept' },
}

async function newSnapshot(world: World, target: string, change: SnapshotChange) {
  const snapshots = (await world.look(['etcd'], [target])).nodes[target]?.etcd?.snapshots ?? []
  // Some releases saved on another server than the one asked (k3s#10513): the name says where it was taken.
  const found = snapshots.filter(
    (one) =>
      one.name.startsWith(`${change.name}-${target}-`) && !change.existing.includes(one.name) && one.sizeBytes > 0,
  )
  const newest = found.sort((a, b) => b.modifiedMs - a.modifiedMs)[0]
  if (!newest)
    throw new FailedError(
      `k3s etcd-snapshot save left no snapshot ${change.name}-${target}-* behind, whatever it exited with`,
      {
        host: target,
        next: `look at \`journalctl -u k3s\` on ${target}, then: migrate resume`,
      },
    )
  return newest
}
