import type { Evidence } from '../probes/evidence.ts'
import { confidences, type Diagnosis, type Rule } from './diagnosis.ts'
import { flannelLeftovers } from './flannel-leftovers.ts'
import { frozenRules } from './frozen-rules.ts'
import { hostNetworkTarpit } from './host-network-tarpit.ts'
import { processSpecific } from './process-specific.ts'
import { rejectGap } from './reject-gap.ts'
import { ruleConflict } from './rule-conflict.ts'
import { staleHostPorts } from './stale-host-ports.ts'
import { twoBackends } from './two-backends.ts'
import { unmanagedPods } from './unmanaged-pods.ts'
import { vxlanPortClash } from './vxlan-port-clash.ts'

/** Causes of failures that are seen come before states that may cause some. */
export const rules: readonly Rule[] = [
  rejectGap,
  processSpecific,
  hostNetworkTarpit,
  ruleConflict,
  vxlanPortClash,
  unmanagedPods,
  frozenRules,
  flannelLeftovers,
  staleHostPorts,
  twoBackends,
]

export interface Diagnoses {
  /** The most likely first; empty: no rule sees its cause. */
  diagnoses: Diagnosis[]
  /** What could not be told, each once: never taken for fine. */
  notMeasured: string[]
}

/** What the evidence shows, by all rules. Pure. */
export function diagnose(evidence: Evidence): Diagnoses {
  const judgements = rules.map((rule) => rule.judge(evidence))
  const rank = ({ confidence }: Diagnosis) => confidences.indexOf(confidence)
  return {
    diagnoses: judgements
      .flatMap(({ diagnosis }) => diagnosis ?? [])
      // Stable: among equals the order of the rules stays.
      .toSorted((a, b) => rank(a) - rank(b)),
    notMeasured: [...new Set([...evidence.notMeasured, ...judgements.flatMap((one) => one.notMeasured)])],
  }
}
