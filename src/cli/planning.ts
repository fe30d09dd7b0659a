import { randomBytes } from 'node:crypto'
import type { Plan } from '../engine/model.ts'
import { plan as makePlan } from '../engine/planner.ts'
import { clusterFamilies, type Facts, nodeFamilies } from '../facts/facts.ts'
import { digest } from '../inventory/load.ts'
import type { Inventory } from '../inventory/schema.ts'
import { openForReading, runbookOf } from './session.ts'
import type { Terminal } from './terminal.ts'
import { toolVersion } from './version.ts'

/** Reads everything a plan depends on. Who reaches whom is left out: no step is planned by it, and it takes a while. */
export async function readFacts(inventory: Inventory, terminal: Terminal): Promise<Facts> {
  await using cluster = openForReading(inventory, terminal)
  const families = [...nodeFamilies, ...clusterFamilies].filter((family) => family !== 'reachability')
  return await cluster.reader.read(families, 'all', null)
}

export function planFrom(facts: Facts, inventory: Inventory, params: unknown): Plan {
  const now = new Date()
  return makePlan(runbookOf(inventory), params, facts, {
    id: timeId(now),
    createdAt: now.toISOString(),
    toolVersion: toolVersion(),
    cluster: inventory.cluster.name,
    inventoryDigest: digest(inventory),
  })
}

/** `20261121-220003-4f3a`: sorts by time, and two in one second differ. */
export function timeId(time: Date): string {
  const [date = '', clock = ''] = time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').split('T')
  return `${date}-${clock}-${randomBytes(2).toString('hex')}`
}
