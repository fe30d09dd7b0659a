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

/** A policy that lets the pod send to some only; one that lets it send anywhere leaves nothing to test. */
const restrictsEgress = ({ spec }: Policy): boolean =>
  (spec.policyTypes?.includes('Egress') ?? spec.egress.length > 0) &&
  !spec.egress.some(({ to, ports }) => to.length === 0 && ports.length === 0)

/**
 * The two variants of the report, made from the policies that select a pod: of the affected ones the first whose egress is
 * restricted. B tells whether strict egress is what is too fragile; A, whether being selected at all is enough.
 * @param pods `namespace/pod`, the most affected first
 */
export function egressTest(evidence: Evidence, pods: readonly string[]): Advice[] {
  const pod = pods.find((one) => selecting(evidence, one).some(restrictsEgress)) ?? pods[0]
  if (pod === undefined) return []
  const policies = selecting(evidence, pod)
  const egress = policies.find(restrictsEgress)
  return [...(egress === undefined ? [] : [variantB(pod, egress)]), ...variantA(pod, policies)]
}

function variantB(pod: string, egress: Policy): Advice {
  const { name, manifest } = additionTo(egress, 'open-egress-test', { policyTypes: ['Egress'], egress: [{}] })
  return {
    text: `Variant B for ${pod}: what ${egress.namespace}/${egress.name} selects keeps its ingress rules and may send anywhere. Policies add up, so nothing is edited. If the failures stay, being selected is enough. Take it back: kubectl -n ${egress.namespace} delete networkpolicy ${name}`,
    warning: 'these pods can reach everything while it is there',
    manifest,
  }
}

function variantA(pod: string, policies: readonly Policy[]): Advice[] {
  const [first] = policies
  if (first === undefined) return []
  return [
    {
      text: `Variant A for ${pod}: take it out of policy selection, by deleting ${policies.length === 1 ? 'the one NetworkPolicy that selects it' : `the ${policies.length} NetworkPolicies that select it`}. This puts back what was:`,
      warning: 'whoever they select may be reached by anybody, and reach everything, while they are away',
      command: `kubectl -n ${first.namespace} delete networkpolicy ${policies.map(({ name }) => name).join(' ')}`,
      manifest: policies.map(policyManifest).join('---\n'),
    },
  ]
}
