import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { type ChangedPolicy, changedPolicies } from '../changed-flows.ts'
import { about, orFine, some } from './finding.ts'

const matchesNodes = (value: unknown) => value === 'nodes' || (Array.isArray(value) && value.includes('nodes'))

/**
 * Policies that name addresses of pods, nodes or the API, or that kube-router reads more widely than Kubernetes has it: each
 * by name, with what will happen to which pods (cilium.md §6). Egress without DNS is the same under both, so it is no check;
 * where a range let DNS through, it is among what is lost. A range of Services matches nothing under either.
 */
export function policiesSame(facts: Facts, { cilium }: Inventory): Finding[] {
  const title = 'policies let through what they let through today'
  const changed = changedPolicies(facts, matchesNodes(cilium.values.policyCIDRMatchMode))
  const found = changed.map((one) => about(title).warns(`${one.policy} ${whatHappens(one)}`, whatToDo(one)))
  return orFine(found, title, `${facts.kube.policies.length} policies, none names addresses of pods or nodes`)
}

function whatHappens({ causes, ranges, lost, unharmed, exposedBy, selectsNothing }: ChangedPolicy): string {
  const why = [
    ...(ranges.length > 0 && (causes.includes('ip-block') || selectsNothing)
      ? [`names ${ranges.join(', ')}: under Cilium a range matches neither pods nor nodes nor the API`]
      : []),
    ...(causes.includes('both-directions')
      ? ['selects both ends, and kube-router lets its rules work in both directions; Cilium does not']
      : []),
  ]
  const others = unharmed > 0 ? ` ${unharmed} other flows do not depend on it.` : ''
  const exposed =
    exposedBy.length > 0 && causes.includes('ip-block')
      ? ` From outside too, through ${some(exposedBy)}: what comes by another node has that node's address.`
      : ''
  const lossText = lost.length === 0 ? 'Nothing that runs now is lost by it.' : `Will time out: ${some(lost, 8)}.`
  return `${why.join('; and ')}. ${selectsNothing ? 'It selects no pod now.' : lossText}${others}${lost.length > 0 ? exposed : ''}`
}

function whatToDo({ causes, lost }: ChangedPolicy): string {
  const api = lost.some((flow) => flow.includes('-> the API servers:'))
  const nodes = lost.some((flow) => /^nodes | -> nodes:/.test(flow))
  return [
    ...(causes.includes('both-directions') ? ['write the rule for the other direction as well'] : []),
    ...(causes.includes('ip-block') || causes.length === 0
      ? ['name pods by podSelector and namespaceSelector instead of addresses']
      : []),
    ...(nodes || api ? ['let ranges match nodes: policyCIDRMatchMode: [nodes] under cilium.values'] : []),
    ...(api ? ['for the API, a CiliumNetworkPolicy with toEntities: [kube-apiserver] once Cilium is there'] : []),
  ].join('; ')
}
