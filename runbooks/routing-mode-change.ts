/**
 * From tunnel to native routing or back, for a cluster that runs Cilium, whoever brought it. All agents change at once: there is
 * no parameter for a rolling change, because nodes of different modes exchange no packets of pods (cilium#9680, #36968), and one
 * that stops half-way is the emergency that cilium-revert-to-vxlan is for. What replaces kube-proxy stays as it is: native routing
 * needs neither, and changing it breaks connections to Services (cilium.md §4.4).
 */
import { z } from 'zod'
import type { Runbook } from '../src/engine/model.ts'
import { InputError } from '../src/errors.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { etcdSteady } from '../src/operations/checks/etcd-steady.ts'
import { oneSegment } from '../src/operations/checks/one-segment.ts'
import { podsInRange } from '../src/operations/checks/pods-in-range.ts'
import { webhooksReachable } from '../src/operations/checks/webhooks-reachable.ts'
import type { RoutingWanted } from '../src/operations/routing-values.ts'
import type { World } from '../src/operations/world.ts'
import { after, before, kept, measure, measured } from './steps/evidence.ts'
import { inventoryAgrees, nobodyInterferes } from './steps/gates.ts'
import { silence, unquiet } from './steps/quiet.ts'
import { isRoutedSo, releaseFits, routingPhases } from './steps/routing.ts'
import { backup, snapshot } from './steps/safety.ts'
import { type Gate, preflightGate as gate, phase } from './steps/step.ts'

const paramsSchema = z.strictObject({ to: z.enum(['native', 'tunnel']) })
type Params = z.infer<typeof paramsSchema>

function checks(inventory: Inventory, { to }: Params): Gate[] {
  return [
    inventoryAgrees(inventory, 'A node left out would stay in the other mode, and alone.'),
    gate(
      'cluster-whole',
      'The cluster is whole, and etcd is steady',
      'What is broken before is blamed on the change afterwards.',
      ['etcd', 'kube'],
      (facts) => [...clusterWhole(facts), ...etcdSteady(facts)],
    ),
    releaseFits(inventory, to),
    ...(to === 'native'
      ? [
          gate(
            'network-fits',
            "The nodes can be each other's next hop",
            'Without a tunnel, packets of pods go to the node that a route names.',
            ['network', 'kube'],
            (facts) => [...oneSegment(facts), ...podsInRange(facts, inventory.cilium.podCidr)],
          ),
        ]
      : []),
    nobodyInterferes,
    gate(
      'agents-can-start',
      'Nothing refuses new agents',
      'They are pods, and are made while others do not reach each other.',
      ['obstacles', 'kube'],
      webhooksReachable,
    ),
  ]
}

export function routingModeChange(inventory: Inventory): Runbook<Facts, World, Params> {
  const wanted = ({ to }: Params): RoutingWanted => ({ mode: to, podCidr: inventory.cilium.podCidr })
  return {
    name: 'routing-mode-change',
    description: "Cilium's routing from tunnel to native or back, all nodes at once",
    parseParams(input) {
      const parsed = paramsSchema.safeParse(input ?? {})
      if (parsed.success) return parsed.data
      throw new InputError(`parameters of routing-mode-change: ${z.prettifyError(parsed.error)}`, {
        next: '--to takes native or tunnel, and nothing else is asked',
      })
    },
    finished: (facts, params) => isRoutedSo(inventory, facts, wanted(params)),
    phases: (params, facts) => [
      phase('checks', 'Checks', checks(inventory, params)),
      phase('evidence', 'Evidence before', [before]),
      phase('safety', 'Safety', [backup, snapshot(inventory), measure]),
      phase('quiet', 'Quiet', [silence]),
      ...routingPhases(inventory, facts, wanted(params)),
      phase('validate', 'Validate', [unquiet, measured, after, kept]),
    ],
  }
}
