import type { Runbook } from '../src/engine/model.ts'
import { InputError } from '../src/errors.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import type { World } from '../src/operations/world.ts'
import { ciliumCrashloopRecovery } from './cilium-crashloop-recovery.ts'
import { ciliumRevertToVxlan } from './cilium-revert-to-vxlan.ts'
import { ciliumToFlannel } from './cilium-to-flannel.ts'
import { flannelToCilium } from './k3s-flannel-to-cilium.ts'
import { flannelToCiliumLive } from './k3s-flannel-to-cilium-live.ts'
import { kubeRouterPurge } from './kube-router-purge.ts'
import { routingModeChange } from './routing-mode-change.ts'
import { stuckPods } from './stuck-pods.ts'

type RunbookOf = (inventory: Inventory) => Runbook<Facts, World, unknown>

/** Every runbook by the name that plans and `--runbook` say. */
export const runbooks: ReadonlyMap<string, RunbookOf> = new Map<string, RunbookOf>([
  ['k3s-flannel-to-cilium', flannelToCilium],
  ['k3s-flannel-to-cilium-live', flannelToCiliumLive],
  ['kube-router-purge', kubeRouterPurge],
  ['cilium-to-flannel', ciliumToFlannel],
  ['routing-mode-change', routingModeChange],
  ['cilium-revert-to-vxlan', ciliumRevertToVxlan],
  ['stuck-pods', stuckPods],
  ['cilium-crashloop-recovery', ciliumCrashloopRecovery],
])

/** @throws InputError when there is none of that name: a plan may be of another version */
export function runbookOf(name: string, inventory: Inventory): Runbook<Facts, World, unknown> {
  const runbook = runbooks.get(name)
  if (runbook !== undefined) return runbook(inventory)
  throw new InputError(`there is no runbook "${name}"; expected one of ${[...runbooks.keys()].join(', ')}`, {
    next: 'A plan of another version of migrate is carried on with that version.',
  })
}
