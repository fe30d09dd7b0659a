import type { Evidence } from '../probes/evidence.ts'
import { policiesOf } from '../probes/policy-verdict.ts'
import type { Advice } from './diagnosis.ts'
import { additionTo, type Policy, policyManifest } from './policy-manifest.ts'

/** The policies that select a pod, in either direction. */
export function selecting({ facts }: Evidence, pod: string): Policy[] {
  const found = facts.kube.pods.find(({ namespace, name }) => `${namespace}/${name}` === pod)
  if (found === undefined) return []
  const both = [
    ...policiesOf(facts.kube.policies, found, 'Ingress'),
    ...policiesOf(facts.kube.policies, found, 'Egress'),
  ]
  return [...new Set(both)]
}

/**
 * The two variants of the report, made from the policies that select the pod. B tells whether strict egress is what is too
 * fragile; A, whether being selected at all is enough.
 */
export function egressTest(evidence: Evidence, pod: string): Advice[] {
  const policies = selecting(evidence, pod)
  const egress = policies.find(({ spec }) => spec.policyTypes?.includes('Egress') ?? spec.egress.length > 0)
  const advice: Advice[] = []
  if (egress !== undefined) {
    const { name, manifest } = additionTo(egress, 'open-egress-test', { policyTypes: ['Egress'], egress: [{}] })
    advice.push({
      text: `Variant B: what is selected as ${egress.namespace}/${egress.name} selects it keeps its ingress rules and may send anywhere. Policies add up, so nothing is edited. If the failures stay, being selected is enough. Take it back: kubectl -n ${egress.namespace} delete networkpolicy ${name}`,
      warning: 'these pods can reach everything while it is there',
      manifest,
    })
  }
  for (const policy of policies.slice(0, 3))
    advice.push({
      text: `Variant A: take the pod out of policy selection: kubectl -n ${policy.namespace} delete networkpolicy ${policy.name}. This puts it back:`,
      warning:
        policies.length > 1
          ? `${policies.length} policies select the pod; it is out of selection only without all of them, and anybody may then reach it`
          : 'anybody may reach the pod while the policy is away',
      manifest: policyManifest(policy),
    })
  return advice
}
