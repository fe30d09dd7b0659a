import { expect, test } from 'vitest'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { compareSeries } from '../../src/probes/compare-series.ts'
import { someEvidence, someSeries } from './some-evidence.ts'
import { bursty, seeded } from './statistics/simulated.ts'

const id = 'shop/cli>shop/web'
const ok = '.'.repeat(120)
const refused = 'x'.repeat(120)
const silent = 't'.repeat(60)
const inBursts = '......xxxx...............xx.......xxx.....'.repeat(3)

const compare = (before: string, after: string, allowed: boolean | null = true) => {
  const [one] = compareSeries(
    someEvidence([someSeries(id, before, allowed)]),
    someEvidence([someSeries(id, after, allowed)]),
  )
  if (!one) throw new Error('nothing compared')
  return one
}

test.each<[string, string, string, boolean | null, string, RegExp]>([
  ['works as before', ok, ok, true, 'same', /^$/],
  ['lost', ok, silent, true, 'worse', /no attempt connects any more/],
  ['was broken in bursts', inBursts, '.'.repeat(240), true, 'fixed', /every attempt connects at once/],
  ['works, and late each time', ok, 'l'.repeat(60), true, 'worse', /takes a second or more/],
  ['fast or 5 s', '..l'.repeat(40), ok, true, 'fixed', /connects at once/],
  ['rejected, now dropped', refused, silent, false, 'changed-kind', /refused before, timeout now.*expected/],
  ['dropped both times', silent, silent, false, 'same', /^$/],
  ['a hole', refused, ok, false, 'worse', /policies forbid it, and it connects now/],
  ['a hole that is closed', ok, silent, false, 'fixed', /now it is forbidden/],
  ['nothing listens, otherwise', refused, silent, true, 'changed-kind', /^refused before, timeout now$/],
  ['an address outside that is back', silent, ok, null, 'fixed', /connects at once/],
  ['one failure of chance', ok, `${'.'.repeat(119)}x`, true, 'same', /may be chance/],
  ['pods that were gone', ok, 'n'.repeat(60), true, 'not-comparable', /can not be tried any more/],
])('%s', (_what, before, after, allowed, verdict, note) => {
  const compared = compare(before, after, allowed)
  expect(compared.verdict).toBe(verdict)
  expect(compared.note).toMatch(note)
})

test('what it rests on: shares with intervals, bursts, modes, and a p-value', () => {
  const { before, after, p } = compare(inBursts, ok)
  expect(before?.bad).toMatchObject({ hits: 27, tries: 126 })
  expect(before?.bad.interval[0]).toBeGreaterThan(0)
  expect(before?.bursts).toMatchObject({ bursts: 9, longestMs: 2000 })
  expect(before?.usualFailure).toBe('refused')
  expect(before?.clusteredP).toBeLessThan(0.001)
  expect(after?.clusteredP).toBeNull()
  expect(after).toMatchObject({ attempts: 120, usualFailure: null, bursts: null })
  expect(p).toBeLessThan(0.05)
  expect(compare('..l'.repeat(40), ok).before?.modes.map(({ medianMs }) => medianMs)).toEqual([1, 5004])
})

test('what was tried only once cannot be compared', () => {
  const compared = compareSeries(
    someEvidence([someSeries('shop/cli>shop/gone', ok)]),
    someEvidence([someSeries('shop/cli>shop/new', ok)]),
  )
  expect(compared.map(({ verdict, note }) => [verdict, note])).toEqual([
    ['not-comparable', 'was not tried again: an end of it is gone'],
    ['not-comparable', 'was not tried before'],
  ])
})

test('policies that somebody changed meanwhile are no regression; the same ones, read otherwise by Cilium, are', () => {
  const before = someEvidence([someSeries(id, ok, true)])
  const after = someEvidence([someSeries(id, silent, false)])
  expect(compareSeries(before, after)[0]?.verdict).toBe('worse')
  const policies = [{ namespace: 'shop', name: 'closed', spec: policySpecSchema.parse({ podSelector: {} }) }]
  const changed = { ...after, facts: { ...after.facts, kube: { ...after.facts.kube, policies } } }
  expect(compareSeries(before, changed)[0]).toMatchObject({
    verdict: 'not-comparable',
    note: expect.stringMatching(/before that they allow it, now that they forbid it/),
  })
})

test('a pair that is lost is found among sixty, and stands first', () => {
  const ids = Array.from({ length: 60 }, (_, at) => `shop/cli-${at}>shop/web`)
  const now = ids.map((one, at) => someSeries(one, at === 41 ? 't'.repeat(20) : ok.slice(0, 20)))
  const compared = compareSeries(someEvidence(ids.map((one) => someSeries(one, ok))), someEvidence(now))
  expect(compared[0]).toMatchObject({ id: 'shop/cli-41>shop/web', verdict: 'worse' })
  expect(compared.filter(({ verdict }) => verdict !== 'same')).toHaveLength(1)
})

test('nothing changed, failures in bursts: of 100 comparisons of 40 pairs at most one in twenty finds anything', () => {
  const random = seeded(8)
  const ids = Array.from({ length: 40 }, (_, at) => `shop/cli-${at}>shop/web`)
  const texts = () =>
    ids.map((one) =>
      someSeries(
        one,
        bursty(random, 120, 0.08, 4)
          .map((bad) => (bad ? 'x' : '.'))
          .join(''),
      ),
    )
  let alarms = 0
  let afterwards = 0
  for (let round = 0; round < 100; round++) {
    const compared = compareSeries(someEvidence(texts()), someEvidence(texts()))
    if (compared.some(({ verdict }) => verdict !== 'same')) alarms++
    afterwards += compared.filter(({ p }) => p !== null && p < 0.05).length
  }
  expect(alarms).toBeLessThanOrEqual(9)
  // Uncorrected, of 4,000 pairs: 200, and twice the standard error.
  expect(afterwards).toBeLessThanOrEqual(228)
})
