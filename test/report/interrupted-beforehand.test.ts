import { expect, test } from 'vitest'
import { interruptedBeforehand } from '../../src/report/interrupted-beforehand.ts'
import { someEvidence, someSeries } from '../probes/some-evidence.ts'

const tried = (to: string, outcome: 'ok' | 'timeout') => ({
  ...{ from: 'a/cli', to, address: '10.42.0.9', port: 80, outcome, durationMs: 3 },
})

test('by a baseline: what worked by turns, and not what policies deny or what never worked', () => {
  const baseline = someEvidence([
    someSeries('a/cli>b/by-turns:8080', '...xx...'),
    someSeries('a/cli>b/fine:8080', '........'),
    someSeries('a/cli>b/never:8080', 'tttttttt'),
    someSeries('a/cli>b/denied:8080', '...x....', false),
  ])
  expect(interruptedBeforehand(null, baseline)).toEqual(['a/cli>b/by-turns:8080'])
})

test("by the run's own record: what did not connect then", () => {
  const before = { reachability: [tried('b/web', 'ok'), tried('b/api', 'timeout')] }
  expect(interruptedBeforehand(before, null)).toEqual(['a/cli>b/api:80'])
})

test('with nothing of before nothing is said', () => {
  expect(interruptedBeforehand(null, null)).toEqual([])
})
