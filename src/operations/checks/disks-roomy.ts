import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about, orFine } from './finding.ts'

const MiB = 1024 ** 2
const minFreeBytes = 1024 * MiB

/** Room for Cilium's images everywhere, and on the lifeboat for a snapshot as large as etcd's database besides. */
export function disksRoomy(facts: Facts, { lifeboat }: Inventory): Finding[] {
  const title = 'room on the disks'
  const found = Object.values(facts.nodes).flatMap(({ name, host, etcd }) => {
    const isLifeboat = name === lifeboat
    const known = Math.max(etcd?.dbSizeBytes ?? 0, ...(etcd?.snapshots ?? []).map((one) => one.sizeBytes))
    const wanted = minFreeBytes + (isLifeboat ? 2 * known : 0)
    const here = about(title, name)
    return [
      ...(isLifeboat && etcd && known === 0
        ? [
            here.unsure(
              'it could not be told how large a snapshot will be',
              'see that there is room for twice the size of server/db',
            ),
          ]
        : []),
      ...host.disks
        .filter((disk) => disk.freeBytes < wanted)
        .map((disk) =>
          here.blocks(
            `${disk.path}: ${Math.round(disk.freeBytes / MiB)} MiB free, ${Math.round(wanted / MiB)} are wanted for ${isLifeboat ? 'snapshot and images' : 'images'}`,
            'make room',
          ),
        ),
    ]
  })
  return orFine(found, title, 'enough for snapshot and images')
}
