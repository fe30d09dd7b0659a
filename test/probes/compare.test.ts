import { expect, test } from 'vitest'
import type { AttemptClass } from '../../src/probes/attempts.ts'
import { compareReachability } from '../../src/probes/compare.ts'

const one = (to: string, outcome: AttemptClass, address = '10.42.0.1') => ({
  from: 'a/x',
  to,
  address,
  port: 80,
  outcome,
  durationMs: 1,
})

test.each<[AttemptClass, AttemptClass, string, RegExp | null]>([
  ['ok', 'ok', 'same', null],
  ['refused', 'timeout', 'same', /still no connection: refused before, timeout now/],
  ['timeout', 'timeout', 'same', null],
  ['ok', 'timeout', 'worse', /worked before, now: timeout/],
  ['ok', 'dns-failed', 'worse', /dns-failed/],
  ['refused', 'ok', 'better', /no policy was meant to forbid it/],
  ['ok', 'no-netns', 'unknown', /no-netns now/],
  ['other', 'ok', 'unknown', /other before/],
])('%s, then %s: %s', (before, after, verdict, note) => {
  const [result] = compareReachability([one('b/y', before)], [one('b/y', after, '10.52.0.9')])
  expect(result).toMatchObject({ verdict, before, after })
  if (note) expect(result?.note).toMatch(note)
  else expect(result?.note).toBeNull()
})

test('what is there on one side only is not judged', () => {
  const result = compareReachability([one('b/gone', 'ok')], [one('b/new', 'ok')])
  expect(result.map(({ to, verdict, note }) => [to, verdict, note])).toEqual([
    ['b/gone', 'unknown', 'is not there any more'],
    ['b/new', 'unknown', 'was not measured before'],
  ])
})
