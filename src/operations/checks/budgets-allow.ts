import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, orFine } from './finding.ts'

/** Pods are recreated in place, node by node, by their sandboxes: budgets are not asked, so who relies on one is told. */
export function budgetsAllow(facts: Facts): Finding[] {
  const title = 'disruption budgets allow what will happen'
  if (facts.obstacles === undefined)
    return [about(title).unsure('they were not looked at when these facts were read', 'read the facts anew')]
  const unread = facts.obstacles.unread.PodDisruptionBudget
  if (unread !== undefined) return [about(title).unsure(`they could not be read: ${unread}`, 'kubectl get pdb -A')]
  const found = facts.obstacles.disruptionBudgets
    .filter(({ allowed }) => allowed === 0)
    .map(({ namespace, name, healthy, wanted }) =>
      about(title).warns(
        `${namespace}/${name} allows none now (${healthy} healthy, ${wanted} wanted); all pods of a node are recreated at once nevertheless`,
        'add a replica on another node first, or announce that it will be away for some seconds',
      ),
    )
  return orFine(found, title, `${facts.obstacles.disruptionBudgets.length} budgets`)
}
