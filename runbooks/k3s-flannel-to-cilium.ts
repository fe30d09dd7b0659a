/**
 * One cut-over of a whole K3s cluster from flannel and kube-router to Cilium. Two orders of the same steps:
 *
 * staged  Cilium is made to run beside flannel first, so that what can fail fails before anything is stopped. By hand on a
 *         real cluster: 5 to 7 s without connections for each pod (measured.md).
 * seed    Flannel is cleaned away before Cilium comes, as in the field report this began with: 74 to 125 s. For clusters that
 *         may not open a second tunnel port.
 *
 * Read from top to bottom it is what happens; read from bottom to top it is the way back. Steps named "way back" do nothing
 * going forward: they stand where their undoing belongs.
 */
import { z } from 'zod'
import type { Runbook } from '../src/engine/model.ts'
import { InputError } from '../src/errors.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import type { World } from '../src/operations/world.ts'
import { flannelOff } from './steps/flannel-flags.ts'
import { k3sSteps } from './steps/k3s.ts'
import { moveSteps } from './steps/move.ts'
import { podsBack } from './steps/pods.ts'
import { purgeFlannel, purgeKubeRouter, purgePortMappings, removeFlannel } from './steps/removal.ts'
import { phase } from './steps/step.ts'

const paramsSchema = z.strictObject({ order: z.enum(['staged', 'seed']).default('staged') })
type Params = z.infer<typeof paramsSchema>

export function flannelToCilium(inventory: Inventory): Runbook<Facts, World, Params> {
  const { images, wayBackOfCilium, beside, seed, portmap, carry, ...move } = moveSteps(inventory, 'beside')
  const { clusterBack, stop, setFlags, start } = k3sSteps(inventory, flannelOff)

  const orders = {
    staged: [
      // What can be done while everything runs is not done while the control plane is away.
      phase('stage', 'Stage Cilium beside flannel', [
        ...[images, wayBackOfCilium, move.admitCanary, beside],
        ...move.admitOthers(true),
        ...[portmap, seed],
      ]),
      phase('stop', 'Stop K3s', [podsBack, clusterBack, ...stop]),
      phase('flags', 'Flags', [setFlags]),
      phase('start', 'Start K3s', start(true)),
      phase('pods', 'Move the pods', [purgeKubeRouter, move.recreate(7_000)]),
      phase('clean', 'Clean', [purgeFlannel, removeFlannel]),
    ],
    seed: [
      phase('stage', 'Images', [images]),
      // Cilium is freed while K3s is down on the way back too: flannel cannot start while cilium_vxlan holds its port.
      phase('stop', 'Stop K3s', [podsBack, clusterBack, ...stop, wayBackOfCilium]),
      phase('flags', 'Flags', [setFlags, portmap]),
      phase('clean', 'Clean', [purgeKubeRouter, purgeFlannel, removeFlannel]),
      phase('start', 'Start K3s', start(false)),
      phase('pods', 'Install Cilium, move the pods', [
        ...[move.admitCanary, carry],
        ...move.admitOthers(false),
        ...[move.recreate(30_000), purgePortMappings],
      ]),
    ],
  }

  return {
    name: 'k3s-flannel-to-cilium',
    description: 'One cut-over of the whole cluster from flannel and kube-router to Cilium',
    parseParams(input) {
      const parsed = paramsSchema.safeParse(input ?? {})
      if (parsed.success) return parsed.data
      throw new InputError(`parameters of k3s-flannel-to-cilium: ${z.prettifyError(parsed.error)}`, {
        next: '--order takes staged or seed',
      })
    },
    finished: (facts) => move.isMoved(facts),
    phases: ({ order }) => [...move.opening(order === 'staged'), ...orders[order], ...move.closing],
  }
}
