import type { Inventory } from '../../src/inventory/schema.ts'
import { gitopsQuiet } from '../../src/operations/checks/gitops-quiet.ts'
import { inventoryComplete } from '../../src/operations/checks/inventory-complete.ts'
import { noUpgradesMeanwhile } from '../../src/operations/checks/no-upgrades-meanwhile.ts'
import { oneIptablesBackend } from '../../src/operations/checks/one-iptables-backend.ts'
import { programsThere } from '../../src/operations/checks/programs-there.ts'
import { type Gate, preflightGate } from './step.ts'

/** @param why what a node that was left out would keep */
export const inventoryAgrees = (inventory: Inventory, why: string): Gate =>
  preflightGate('inventory-complete', 'The inventory and the cluster agree', why, ['kube', 'k3s'], (facts) =>
    inventoryComplete(facts, inventory),
  )

/** For runbooks that only take rules away. */
export const rulesUnderstood: Gate = preflightGate(
  'rule-sets',
  'The rule sets are understood',
  'Rules that nobody knows of go on applying.',
  ['netfilter', 'host'],
  (facts) => [...oneIptablesBackend(facts), ...programsThere(facts)],
)

export const nobodyInterferes: Gate = preflightGate(
  'nobody-interferes',
  'Nobody else changes things meanwhile',
  'What is put back or upgraded in the middle is found out the hard way.',
  ['upkeep', 'host', 'kube', 'obstacles'],
  (facts) => [...noUpgradesMeanwhile(facts), ...gitopsQuiet(facts)],
)
