import { randomBytes } from 'node:crypto'
import { runbookOf } from '../../runbooks/runbooks.ts'
import type { Plan } from '../engine/model.ts'
import { plan as makePlan } from '../engine/planner.ts'
import type { Facts } from '../facts/facts.ts'
import { digest } from '../inventory/load.ts'
import type { Inventory } from '../inventory/schema.ts'
import { paramsOf, type RunbookFlags } from './runbook-options.ts'
import { toolVersion } from './version.ts'

/** Who has to answer before there is a plan. */
export const askedFor = (inventory: Inventory, { runbook }: RunbookFlags): 'all' | 'answering' =>
  runbookOf(runbook, inventory).unsettled === undefined ? 'all' : 'answering'

/** Needs no node: the facts may come from a file. */
export function planFrom(facts: Facts, inventory: Inventory, flags: RunbookFlags): Plan {
  const now = new Date()
  return makePlan(runbookOf(flags.runbook, inventory), paramsOf(flags), facts, {
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
