import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { policiesOf } from '../../probes/policy-verdict.ts'
import { about, some } from './finding.ts'

/**
 * kube-router since 2.6 always lets an echo through, and refuses at once what it refuses; Cilium drops both (cilium.md §6.1).
 * Nothing of this is an outage by itself: monitors that ping and clients that wait are.
 */
export function pingUnderPolicies(facts: Facts): Finding[] {
  const here = about('refusals and pings look as they do today')
  const selected = facts.kube.pods.filter((pod) => policiesOf(facts.kube.policies, pod, 'Ingress').length > 0)
  if (selected.length === 0) return [here.fine('no policy selects a pod for ingress')]
  const namespaces = [...new Set(selected.map(({ namespace }) => namespace))].sort()
  return [
    here.warns(
      `what policies deny is refused at once today and times out under Cilium, and ping is then denied like the rest: ${selected.length} pods in ${some(namespaces)}`,
      'let monitors that ping these pods look at a port; shorten the time-outs of clients that count on being refused',
    ),
  ]
}
