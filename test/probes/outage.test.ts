import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Attempt, type AttemptClass, parseAttempts, targetLines } from '../../src/probes/attempts.ts'
import { outagesOf, summarize } from '../../src/probes/outage.ts'

const t0 = 1_700_000_000_000
/** One letter each half second: . ok, r refused, t timeout, n no namespace, blank: nothing measured. */
const series = (letters: string, id = 'a/x>b/y:80'): Attempt[] =>
  [...letters].flatMap((letter, index) => {
    const outcome = ({ '.': 'ok', r: 'refused', t: 'timeout', n: 'no-netns' } as Record<string, AttemptClass>)[letter]
    return outcome ? [{ id, atMs: t0 + index * 500, durationMs: 3, outcome, said: null, firstByteMs: null }] : []
  })
const only = (letters: string) => {
  const [result] = outagesOf(series(letters))
  if (!result) throw new Error('no pair')
  return result
}

describe('outages of one pair', () => {
  test('none', () => {
    expect(only('.....')).toMatchObject({ outages: [], longestMs: 0, workedAtFirst: true, unmeasured: [] })
  })

  test('from the first failure to the next success, and its upper bound', () => {
    expect(only('..rrt..').outages).toEqual([
      {
        startMs: t0 + 1000,
        endMs: t0 + 2500,
        lengthMs: 1500,
        atMostMs: 2000,
        failedAttempts: 3,
        outcomes: ['refused', 'timeout'],
      },
    ])
  })

  test('two of them: the longest and the sum', () => {
    expect(only('.r.rrr.')).toMatchObject({ longestMs: 1500, totalMs: 2000 })
  })

  test('one that does not end', () => {
    const { outages } = only('..rr')
    expect(outages).toMatchObject([{ endMs: null, atMostMs: null, lengthMs: 503 }])
  })

  test('what never worked is denied, not interrupted', () => {
    expect(only('rrrr')).toMatchObject({ workedAtFirst: false, outages: [] })
  })

  test('what was denied, worked while no policy was enforced and is denied again was not interrupted', () => {
    expect(only(`${'r'.repeat(10)}....tttt`)).toMatchObject({ workedAtFirst: false, outages: [], longestMs: 0 })
  })

  test('before it first worked it was not there yet', () => {
    expect(only('rr..').outages).toEqual([])
  })

  test('a source that was away is not measured; the upper bound includes that time', () => {
    const result = only('..r         r.')
    expect(result.unmeasured).toEqual([{ startMs: t0 + 1000, endMs: t0 + 6000 }])
    expect(result.outages).toMatchObject([{ lengthMs: 5500, atMostMs: 6000 }])
    expect(only('..nnnnnnn..').outages).toEqual([])
    expect(only('..nnnnnnn..').unmeasured).toEqual([{ startMs: t0 + 500, endMs: t0 + 4500 }])
    expect(only('..nnnnnnnn').unmeasured).toHaveLength(1)
  })

  test('any series: in order, apart, within it, and the sum adds up', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('.', 'r', 't', 'n', ' '), minLength: 1, maxLength: 60 }),
        (letters) => {
          for (const pair of outagesOf(series(letters).toReversed())) {
            let last = 0
            for (const outage of pair.outages) {
              expect(outage.startMs).toBeGreaterThan(last)
              expect(outage.lengthMs).toBeGreaterThan(0)
              if (outage.endMs !== null) expect(outage.atMostMs).toBeGreaterThanOrEqual(outage.lengthMs)
              last = outage.endMs ?? Number.POSITIVE_INFINITY
            }
            expect(pair.totalMs).toBe(pair.outages.reduce((sum, outage) => sum + outage.lengthMs, 0))
          }
        },
      ),
    )
  })
})

test('the figures over all pairs, and by source', () => {
  const all = [
    ...series('..rr..', 'a/x>b/y:80'),
    ...series('.r....', 'a/x>c/z:80'),
    ...series('rrrrrr', 'a/x>d/w:80'),
    ...series('...rrr', 'e/v>b/y:80'),
  ]
  expect(summarize(outagesOf(all))).toEqual({
    pairs: 4,
    working: 3,
    interrupted: 3,
    longestMs: 1003,
    mostTotalMs: 1003,
    notBack: ['e/v>b/y:80'],
    bySource: [
      { source: 'a/x', longestMs: 1000, totalMs: 1000, pairs: 2 },
      { source: 'e/v', longestMs: 1003, totalMs: 1003, pairs: 1 },
    ],
  })
})

test('lines: what is written is read; broken ones are counted, not guessed', () => {
  const said = Buffer.from('web-1 10.42.0.1').toString('base64')
  const text = `a>b:80\t${t0}\t12\tok\t${said}\nx\t${t0}\t1\tnonsense\t\na>b:80\t17\na>b:80\t${t0}\t1\trefused\t\na>b:80\t${t0}\nc\t${t0}\t1\tok\t\t7\nc\t${t0}\t1\tok\t\tx`
  expect(parseAttempts(text)).toEqual({
    attempts: [
      { id: 'a>b:80', atMs: t0, durationMs: 12, outcome: 'ok', said: 'web-1 10.42.0.1', firstByteMs: null },
      { id: 'a>b:80', atMs: t0, durationMs: 1, outcome: 'refused', said: null, firstByteMs: null },
      { id: 'c', atMs: t0, durationMs: 1, outcome: 'ok', said: null, firstByteMs: 7 },
    ],
    broken: 4,
  })
  expect(targetLines([{ id: 'a', netns: '-', address: '1.2.3.4', port: 80, kind: 'tcp' }])).toBe(
    'a\t-\t1.2.3.4\t80\ttcp\t1\n',
  )
})
