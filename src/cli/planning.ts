import { randomBytes } from 'node:crypto'
import { runbooks } from '../../runbooks/runbooks.ts'
import type { Plan, Runbook } from '../engine/model.ts'
import { plan as makePlan } from '../engine/planner.ts'
import { InputError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { digest } from '../inventory/load.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { World } from '../operations/world.ts'
import { paramsOf, type RunbookFlags } from './runbook-options.ts'
import { toolVersion } from './version.ts'

/** @throws InputError when there is none of that name: a plan may be of another version */
export function runbookOf(name: string, inventory: Inventory): Runbook<Facts, World, unknown> {
  const runbook = runbooks.get(name)
  if (runbook !== undefined) return runbook(inventory)
  throw new InputError(`there is no runbook "${name}"; expected one of ${[...runbooks.keys()].join(', ')}`, {
    next: 'A plan of another version of migrate is carried on with that version.',
  })
}

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
