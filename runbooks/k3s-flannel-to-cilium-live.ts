/**
 * The same move node by node, without an outage but each pod's own restart: Cilium's dual overlay (cilium.md §1), corrected for
 * a flannel and a kube-router that live in K3s. Flannel cannot be switched off on one node (cilium.md §1.6), so it runs everywhere
 * until no pod is left on it; kube-router goes first, because two that enforce on one pod break it (cilium.md §7.4).
 *
 * Read from top to bottom it is what happens; read from bottom to top it is the way back. Steps named "way back" do nothing
 * going forward: they stand where their undoing belongs.
 */
import { z } from 'zod'
import type { Runbook } from '../src/engine/model.ts'
import { InputError } from '../src/errors.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { cniDirsAgree } from '../src/operations/checks/cni-dirs-agree.ts'
import type { World } from '../src/operations/world.ts'
import { moveSteps } from './steps/move.ts'
import { purgeFlannel, purgeKubeRouter, removeFlannel, removeFormerCni } from './steps/removal.ts'
import { rollingFlags } from './steps/rolling.ts'
import { phase, preflightGate } from './steps/step.ts'
import { closeEgress, movePhase, waves } from './steps/waves.ts'

const name = 'k3s-flannel-to-cilium-live'
const paramsSchema = z.strictObject({ policies: z.enum(['open', 'closed']) })
type Params = z.infer<typeof paramsSchema>

export function flannelToCiliumLive(inventory: Inventory): Runbook<Facts, World, Params> {
  const oneDirectory = preflightGate(
    'cni-dirs',
    'K3s looks for CNI configurations in one place',
    "Cilium's chart has one directory for all nodes.",
    ['k3s'],
    cniDirsAgree,
  )
  const policiesOff = (policies: Params['policies']) =>
    rollingFlags(inventory, {
      id: 'policies-off',
      what: 'run without the policy controller',
      flags: { 'disable-network-policy': 'true' },
      flannel: true,
      ...(policies === 'closed'
        ? {
            exposure:
              'pods that start anew on a node that has not moved: nobody enforces on them; and on a node whose pods are moving just then, for seconds, these to each other. What is there stays under the rules that kube-router has left',
          }
        : {}),
    })
  const flannelOff = rollingFlags(inventory, {
    id: 'flannel-off',
    what: 'run without flannel',
    flags: { 'flannel-backend': 'none' },
    flannel: false,
    again: true,
    pointOfNoReturn:
      'going back is then more than moving pods: K3s is restarted on every node with flannel again before the first pod can move, and a server that has to join anew meanwhile is refused',
  })

  return {
    name,
    description: 'The cluster from flannel and kube-router to Cilium node by node, without an outage',
    parseParams(input) {
      const parsed = paramsSchema.safeParse(input ?? {})
      if (parsed.success) return parsed.data
      if (parsed.error.issues.some(({ path }) => path[0] !== 'policies'))
        throw new InputError(`parameters of ${name}: ${z.prettifyError(parsed.error)}`, {
          next: 'it takes --policies and nothing else',
        })
      throw new InputError(
        `${name}: NetworkPolicies cannot be enforced as they are while pods are on two networks, so choose. --policies open: every pod to every other, nobody enforces from the step kube-router-rules to policies-on. --policies closed: what a policy selects talks only to its own network until all have moved, DNS included`,
        { next: 'say --policies open or --policies closed; or: --runbook k3s-flannel-to-cilium' },
      )
    },
    finished: (facts) => moveSteps(inventory, 'node-by-node').isMoved(facts, [removeFormerCni]),
    phases({ policies }, facts) {
      const move = moveSteps(inventory, 'node-by-node', policies)
      const found = waves(inventory)
      return [
        ...move.opening(true, [oneDirectory]),
        phase('stage', 'Stage Cilium beside flannel', [
          ...[move.images, move.wayBackOfCilium, move.admitCanary, move.beside],
          ...move.admitOthers(true),
          move.nodeConfig(true),
        ]),
        phase('policies-off', 'Policies off', [
          ...policiesOff(policies),
          policies === 'open' ? purgeKubeRouter : closeEgress(inventory),
        ]),
        ...found.map((nodes, index) =>
          movePhase(inventory, facts, { nodes, number: index + 1, total: found.length, policies }),
        ),
        phase('flannel-off', 'Flannel off', [
          ...[move.carryEverywhere, move.nodeConfig(false), move.portmap],
          ...flannelOff,
        ]),
        phase('clean', 'Clean', [purgeFlannel, removeFlannel, removeFormerCni]),
        ...move.closing,
      ]
    },
  }
}
