import { expect, test } from 'vitest'
import { comparePeriods } from '../../src/probes/compare-periods.ts'
import { type Verified, verifiedSchema } from '../../src/report/verify-json.ts'
import { verifyText } from '../../src/report/verify-text.ts'
import { someEvidence, someSeries } from '../probes/some-evidence.ts'

const ok = '.'.repeat(240)
const inBursts = '......xxxx...............xx.......xxx...'.repeat(6)
const evidence = {
  before: { pairs: null, rejected: 4, kubeRouter: 224, flannel: 12, ipsets: 342 },
  now: { pairs: null, rejected: null, kubeRouter: 0, flannel: 0, ipsets: 0 },
  pairs: { lost: 0, opened: 0, notComparable: 0 },
}

const verified = (now: [id: string, text: string, allowed?: boolean][]): Verified => {
  const before = someEvidence([
    someSeries('edge/cli>shop/web', inBursts),
    someSeries('pay/cli>shop/web', 'x'.repeat(40), false),
    someSeries('shop/cli>shop/web', ok),
  ])
  const after = someEvidence(now.map(([id, text, allowed = true]) => someSeries(id, text, allowed)))
  return {
    kind: 'verify',
    against: { baseline: '/tmp/before.json', fromMs: 0, untilMs: 120_000 },
    watched: { fromMs: 0, untilMs: 60_000, file: '/tmp/after.json' },
    findings: [{ level: 'fine', title: 'host ports lead to their pods', detail: '3 of 3' }],
    evidence,
    compared: comparePeriods(before, after),
  }
}

test('what changed, with its numbers; what stayed the same is only counted', () => {
  const text = verifyText(
    verified([
      ['edge/cli>shop/web', ok],
      ['pay/cli>shop/web', 't'.repeat(20), false],
      ['shop/cli>shop/web', 't'.repeat(240)],
    ]),
    { colour: false, width: 200 },
  )
  expect(text[0]).toBe('The same pairs for 1 min, compared with 2 min of /tmp/before.json.')
  expect(text.find((line) => line.startsWith('attempts that failed'))).toMatch(
    /\d+ % \([\d.]+ to \d+\) .*p = |p < 0\.001/,
  )
  expect(text).toContain('3 pairs: 1 worse, 1 fixed, 1 blocked in another way, 0 the same, 0 not comparable')
  const under = (title: string) => text[text.indexOf(title) + 1]
  expect(under('Worse')).toMatch(
    /shop\/cli -> shop\/web:8080 {2}0 of 240 bad {2}240 of 240 bad .*no attempt connects any more/,
  )
  expect(under('Fixed')).toMatch(
    /edge\/cli -> shop\/web:8080 {2}54 of 240 bad in 18 bursts, longest 2 s, closer together than by chance {2}0 of 240 bad/,
  )
  expect(under('Blocked in another way')).toMatch(/pay\/cli.*refused before, timeout now.*expected/)
  expect(text.join('\n')).toMatch(/fine +host ports lead to their pods/)
  expect(text.at(-1)).toBe('What was seen is kept in /tmp/after.json')
  expect(text.join('\n')).not.toContain('Not comparable')
})

test('names of pods cannot drive the terminal, and nothing is wider than it', () => {
  const named = verified([['shop/cli\u001b[31m>shop/web', ok]])
  const text = verifyText(named, { colour: false, width: 100 })
  expect(text.join('\n')).not.toContain('\u001b')
  expect(text.join('\n')).toContain('\\x1b[31m')
  expect(Math.max(...text.map((line) => line.length))).toBeLessThanOrEqual(100)
})

test('--json is what its schema says', () => {
  const one = verified([['edge/cli>shop/web', ok]])
  expect(verifiedSchema.parse(JSON.parse(JSON.stringify(one)))).toEqual(JSON.parse(JSON.stringify(one)))
})

test('against a run: its name, and one attempt each', () => {
  const against = { runId: 'r1', recordedAt: '2026-11-21T10:00:00Z' }
  const text = verifyText({ ...verified([]), against, watched: null, compared: null }, { colour: false, width: 100 })
  expect(text[0]).toBe('Compared with what run r1 recorded at 2026-11-21T10:00:00Z.')
})
