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
import { CLUSTER, type Runbook } from '../src/engine/model.ts'
import { InputError } from '../src/errors.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import type { World } from '../src/operations/world.ts'
import { preflightChecks } from './checks.ts'
import { admissionSteps } from './steps/admission.ts'
import { ciliumSteps } from './steps/cilium.ts'
import { after, before, kept, measure, measured } from './steps/evidence.ts'
import { flannelOff, flannelRuns } from './steps/flannel-flags.ts'
import { k3sSteps } from './steps/k3s.ts'
import { podSteps, podsBack } from './steps/pods.ts'
import { silence, unquiet } from './steps/quiet.ts'
import { gone, purgeFlannel, purgeKubeRouter, purgePortMappings, removeFlannel } from './steps/removal.ts'
import { backup, snapshot } from './steps/safety.ts'
import { phase } from './steps/step.ts'

const paramsSchema = z.strictObject({ order: z.enum(['staged', 'seed']).default('staged') })
type Params = z.infer<typeof paramsSchema>

export function flannelToCilium(inventory: Inventory): Runbook<Facts, World, Params> {
  const { images, wayBackOfCilium, beside, seed, portmap, carry, enforce } = ciliumSteps(inventory)
  const { admitCanary, admitOthers, endAdmission } = admissionSteps(inventory)
  const { clusterBack, stop, setFlags, start } = k3sSteps(inventory, flannelOff)
  const { recreate, carried } = podSteps(inventory)

  const opening = ({ order }: Params) => [
    // Judged when planning, and again just before the first change.
    phase('checks', 'Checks', preflightChecks(inventory, order === 'staged')),
    phase('evidence', 'Evidence before', [before]),
    phase('safety', 'Safety', [backup, snapshot(inventory), measure]),
    phase('quiet', 'Quiet', [silence]),
  ]
  const closing = [
    phase('policies', 'Policies on', [enforce, endAdmission]),
    phase('validate', 'Validate', [carried, gone, unquiet, measured, after, kept]),
  ]
  const orders = {
    staged: [
      // What can be done while everything runs is not done while the control plane is away.
      phase('stage', 'Stage Cilium beside flannel', [
        ...[images, wayBackOfCilium, admitCanary, beside],
        ...admitOthers(true),
        ...[portmap, seed],
      ]),
      phase('stop', 'Stop K3s', [podsBack, clusterBack, ...stop]),
      phase('flags', 'Flags', [setFlags]),
      phase('start', 'Start K3s', start(true)),
      phase('pods', 'Move the pods', [purgeKubeRouter, recreate(7_000)]),
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
        ...[admitCanary, carry],
        ...admitOthers(false),
        ...[recreate(30_000), purgePortMappings],
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
    finished: (facts) =>
      !flannelRuns(facts) &&
      enforce.operation.diff(facts, CLUSTER) === null &&
      [recreate(0), purgeKubeRouter, purgeFlannel, removeFlannel, endAdmission].every((step) =>
        step.targets(facts).every((target) => step.operation.diff(facts, target) === null),
      ),
    phases: (params) => [...opening(params), ...orders[params.order], ...closing],
  }
}
