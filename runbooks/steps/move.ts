import { CLUSTER } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import type { PoliciesMeanwhile } from '../../src/operations/cilium-values.ts'
import { preflightChecks } from '../checks.ts'
import { admissionSteps } from './admission.ts'
import { ciliumSteps } from './cilium.ts'
import { after, before, kept, measure, measured } from './evidence.ts'
import { flannelRuns } from './flannel-flags.ts'
import { podSteps } from './pods.ts'
import { silence, unquiet } from './quiet.ts'
import { gone, purgeFlannel, purgeKubeRouter, removeFlannel } from './removal.ts'
import { backup, snapshot } from './safety.ts'
import { type Change, type Gate, phase } from './step.ts'

/**
 * What every way from flannel to Cilium begins and ends with, and how it is told that nothing of it is left to do.
 * @param policies closed: Cilium enforces them on each pod that it is given, while others are still flannel's
 */
export function moveSteps(
  inventory: Inventory,
  besideStage: 'beside' | 'node-by-node',
  policies: PoliciesMeanwhile = 'open',
) {
  const cilium = ciliumSteps(inventory, besideStage, policies)
  const admission = admissionSteps(inventory)
  const pods = podSteps(inventory)
  const audited = inventory.cilium.auditPolicies && policies === 'open' ? [cilium.audit] : []
  return {
    ...cilium,
    ...admission,
    ...pods,
    /**
     * @param beside Cilium is installed while flannel runs
     * @param more checks of this way's own
     */
    opening: (beside: boolean, more: readonly Gate[] = []) => [
      // Judged when planning, and again just before the first change.
      phase('checks', 'Checks', [...preflightChecks(inventory, beside), ...more]),
      phase('evidence', 'Evidence before', [before]),
      phase('safety', 'Safety', [backup, snapshot(inventory), measure]),
      phase('quiet', 'Quiet', [silence]),
    ],
    closing: [
      phase('policies', 'Policies on', [...audited, cilium.enforce, admission.endAdmission]),
      phase('validate', 'Validate', [pods.carried, gone, unquiet, measured, after, kept]),
    ],
    /** @param more steps of this way's own */
    isMoved: (facts: Facts, more: readonly Change[] = []): boolean =>
      !flannelRuns(facts) &&
      cilium.enforce.operation.diff(facts, CLUSTER) === null &&
      [pods.recreate(0), purgeKubeRouter, purgeFlannel, removeFlannel, admission.endAdmission, ...more].every((step) =>
        step.targets(facts).every((target) => step.operation.diff(facts, target) === null),
      ),
  }
}
