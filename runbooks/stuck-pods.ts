/**
 * What is left lying about after a CNI changed or broke, or a node was switched off: pods that hang, namespaces stuck in
 * Terminating. Shows of each what holds it, and then does the least that helps, step by step. The order is that of what it
 * can cost: sandboxes, pods that are made anew, pods that are not, finalizers, namespaces.
 *
 * The gates are few: it is for clusters that are not whole, whatever their CNI, moved by this tool or not.
 */
import type { Runbook } from '../src/engine/model.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { apiAnswers } from '../src/operations/checks/api-answers.ts'
import { inventoryComplete } from '../src/operations/checks/inventory-complete.ts'
import { stuckLeftAlone } from '../src/operations/checks/stuck-left-alone.ts'
import { isAnythingStuck } from '../src/operations/stuck.ts'
import type { World } from '../src/operations/world.ts'
import { type NoParams, noParams } from './steps/no-params.ts'
import { type Gate, preflightGate as gate, phase } from './steps/step.ts'
import {
  deleteBarePods,
  deletePods,
  finalizeNamespaces,
  nothingStuck,
  removeFinalizers,
  stopSandboxes,
} from './steps/stuck.ts'

const checks = (inventory: Inventory): Gate[] => [
  gate('api-answers', 'The API answers', 'What hangs is what it says.', ['kube'], apiAnswers),
  gate(
    'inventory-complete',
    'The inventory and the cluster agree',
    'A node that is left out is not asked, and pods of it are not touched. One that is silent has to be left out: every node of the inventory is asked for facts and for the lock.',
    ['kube', 'k3s'],
    (facts) => inventoryComplete(facts, inventory, 'warns'),
  ),
  gate(
    'left-alone',
    'What hangs and is not touched',
    'Told with why, and what helps instead.',
    ['stuck', 'kube', 'sandboxes', 'containers'],
    stuckLeftAlone,
  ),
]

export function stuckPods(inventory: Inventory): Runbook<Facts, World, NoParams> {
  return {
    name: 'stuck-pods',
    description: 'Pods and namespaces that hang after an incident, and what holds them',
    parseParams: noParams('stuck-pods'),
    // What cannot be read is not "nothing hangs".
    finished: (facts) => facts.kube.reachable && facts.stuck?.error === null && !isAnythingStuck(facts),
    phases: () => [
      phase('checks', 'Checks', checks(inventory)),
      phase('pods', 'Pods', [stopSandboxes, deletePods, deleteBarePods]),
      phase('namespaces', 'Namespaces', [removeFinalizers, finalizeNamespaces]),
      phase('validate', 'Validate', [nothingStuck]),
    ],
  }
}
