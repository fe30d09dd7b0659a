import type { Runbook } from '../src/engine/model.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import type { World } from '../src/operations/world.ts'
import { flannelToCilium } from './k3s-flannel-to-cilium.ts'
import { kubeRouterPurge } from './kube-router-purge.ts'

type RunbookOf = (inventory: Inventory) => Runbook<Facts, World, unknown>

/** Every runbook by the name that plans and `--runbook` say. */
export const runbooks: ReadonlyMap<string, RunbookOf> = new Map<string, RunbookOf>([
  ['k3s-flannel-to-cilium', flannelToCilium],
  ['kube-router-purge', kubeRouterPurge],
])
