import { expect, it } from 'vitest'
import { policySpecSchema } from '../../../src/facts/policies.ts'
import type { ReachabilityFacts } from '../../../src/facts/reachability.ts'
import { connectivityKept } from '../../../src/operations/checks/connectivity-kept.ts'
import { someFacts } from '../some-facts.ts'

const facts = (...outcomes: ReachabilityFacts[number]['outcome'][]) => ({
  ...someFacts(),
  reachability: outcomes.map((outcome, index) => ({
    from: 'a/x',
    to: `b/${index}`,
    address: '10.42.0.1',
    port: 80,
    outcome,
    durationMs: 1,
  })),
})
const levels = (before: ReturnType<typeof facts> | null, after: ReturnType<typeof facts>) =>
  connectivityKept(before, after).map((finding) => finding.level)

it('takes a refusal that became a time-out for the same', () => {
  expect(levels(facts('ok', 'refused'), facts('ok', 'timeout'))).toEqual(['fine'])
})
it('blocks on a lost pair, tells of an absent one', () => {
  expect(levels(facts('ok', 'ok'), facts('ok', 'timeout'))).toEqual(['blocks'])
  expect(levels(facts('ok', 'ok'), facts('ok'))).toEqual(['fine', 'warns'])
})
it('does not call it fine when nothing was recorded', () => {
  expect(levels(null, facts('ok'))).toEqual(['unknown'])
})

/** Of one pair of pods, and what policies say of it. */
function underPolicies(outcome: ReachabilityFacts[number]['outcome'], specs: readonly object[], isOff = false) {
  const all = facts(outcome)
  const pair = { from: 'shop/web-0', to: 'shop/web-1', port: 8080 }
  const policies = specs.map((spec, index) => ({
    namespace: 'shop',
    name: `p${index}`,
    spec: policySpecSchema.parse(spec),
  }))
  if (isOff)
    for (const { k3s } of Object.values(all.nodes)) k3s.flags['disable-network-policy'] = { value: 'true', from: 'x' }
  return {
    ...all,
    kube: { ...all.kube, policies },
    reachability: all.reachability.map((one) => ({ ...one, ...pair })),
  }
}
const forbid = [{ podSelector: {} }]
const allow = [{ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }]

it.each([
  ['forbid', forbid, 'blocks'],
  ['allow', allow, 'fine'],
  ['do not select', [], 'fine'],
] as const)('an opened pair that policies %s', (_, specs, level) => {
  expect(levels(underPolicies('refused', specs), underPolicies('ok', specs))).toEqual(['fine', level])
})
it.each([
  ['nobody enforced policies before, and they forbid it', forbid, true, ['fine', 'warns']],
  ['nobody enforced policies before, and they allow it', allow, true, ['blocks']],
  ['policies were enforced before', forbid, false, ['blocks']],
] as const)('a lost pair where %s', (_, specs, isOff, expected) => {
  expect(levels(underPolicies('ok', specs, isOff), underPolicies('timeout', specs, isOff))).toEqual(expected)
})
it('an opened pair of which policies say nothing that can be read is told, and does not block', () => {
  expect(levels(facts('ok', 'refused'), facts('ok', 'ok'))).toEqual(['fine', 'warns'])
})
