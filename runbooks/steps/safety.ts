import { bind } from '../../src/engine/model.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { backupTaken } from '../../src/operations/backup.ts'
import { etcdSnapshot } from '../../src/operations/etcd-snapshot.ts'
import { all, type Change, minutes } from './step.ts'

export const backup: Change = {
  kind: 'change',
  id: 'backup',
  title: 'Copy every file and rule set that will change to the operator',
  why: 'What undoing needs is on your side before anything is touched.',
  operation: bind(backupTaken, () => undefined),
  targets: all,
  order: 'parallel',
  risk: 'none: it only reads',
  timeoutMs: minutes(5),
}

export const snapshot = ({ lifeboat }: Inventory): Change => ({
  kind: 'change',
  id: 'etcd-snapshot',
  title: 'Take an etcd snapshot, prove it and copy it off with the server token',
  why: 'The last resort. It restores API objects, not node networking.',
  operation: bind(etcdSnapshot, () => ({ name: 'cni-migrate' })),
  targets: () => [lifeboat],
  order: 'serial',
  risk: 'none: a large database takes a while',
  timeoutMs: minutes(15),
  takesMs: 10_000,
})
