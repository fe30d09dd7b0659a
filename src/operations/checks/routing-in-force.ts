import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { missingOfRouting } from '../routing-in-force.ts'
import { missingOfConfig, type RoutingMode } from '../routing-values.ts'
import { about } from './finding.ts'

/** Nodes, ConfigMap and release agree on how packets between pods of different nodes travel. */
export function routingInForce(
  facts: Facts,
  { mode, tunnelPort }: { mode: RoutingMode; tunnelPort: number },
  values: string,
): Finding[] {
  const judge = (title: string, missing: string | null, fix: string) =>
    missing === null ? about(title).fine(mode) : about(title).blocks(missing, fix)
  return [
    judge(
      'every node has the links and routes of this mode',
      missingOfRouting(facts, mode, tunnelPort),
      "look at the agent's log on that node",
    ),
    judge(
      'the ConfigMap says what the release says',
      missingOfConfig(facts.kube.cilium.config, values),
      'see who patched it: kubectl -n kube-system get configmap cilium-config -o yaml --show-managed-fields',
    ),
  ]
}
