import { expect, it } from 'vitest'
import type { ReachabilityFacts } from '../../src/facts/reachability.ts'
import { connectivityKept } from '../../src/operations/checks/connectivity-kept.ts'
import { someFacts } from './some-facts.ts'

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
it('blocks on a lost and on an opened pair, tells of an absent one', () => {
  expect(levels(facts('ok', 'ok'), facts('ok', 'timeout'))).toEqual(['blocks'])
  expect(levels(facts('ok', 'refused'), facts('ok', 'ok'))).toEqual(['fine', 'blocks'])
  expect(levels(facts('ok', 'ok'), facts('ok'))).toEqual(['fine', 'warns'])
})
it('does not call it fine when nothing was recorded', () => {
  expect(levels(null, facts('ok'))).toEqual(['unknown'])
})
