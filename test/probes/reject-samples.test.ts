import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { difference, parseSlice, type RejectSample } from '../../src/probes/reject-samples.ts'

const chain = (letter: string) => `KUBE-POD-FW-${letter.repeat(16)}`
const at = (second: number) => String(1_795_245_158_000 + second * 1000)

const slice = (...lines: string[]) => parseSlice(`${lines.join('\n')}\n`)

describe('parseSlice', () => {
  test('samples, also those that are like the one before', () => {
    const parsed = slice(
      `begin ${at(0)}`,
      `sample ${at(0)} 11 new`,
      'G ip-nft KUBE-NWPLCY-A/KUBE-POD-FW-Z/68',
      `R ip-nft ${chain('A')} 29 ops cli-896c755b-z5cz2`,
      `E ip-nft ${chain('B')} shop web-0`,
      `D ip-nft ${chain('D')} shop web-2`,
      `M ip-nft ${chain('C')} shop web-1`,
      'L ip-nft',
      '.',
      `sample ${at(1)} 14 same`,
      `failed ${at(2)} 17 ${Buffer.from('table in use').toString('base64')}`,
      `end ${at(3)} ${at(4)}`,
    )
    expect(parsed).toMatchObject({
      beginMs: Number(at(0)),
      endMs: Number(at(3)),
      dueMs: Number(at(4)),
      cpuMs: 17,
      failures: ['table in use'],
    })
    const [first, second] = parsed?.samples ?? []
    expect(first?.counters.get(`ip-nft ${chain('A')}`)).toEqual({
      namespace: 'ops',
      pod: 'cli-896c755b-z5cz2',
      count: 29,
    })
    expect([...(first?.gaps.values() ?? [])].map(({ pod, what, certain }) => `${pod} ${what} ${certain}`)).toEqual([
      'web-0 policy-chain-empty false',
      'web-2 policy-chain-empty true',
      'web-1 policy-chain-missing true',
    ])
    expect(first?.emptyIsGap).toBe(true)
    expect(second).toEqual({ ...first, atMs: Number(at(1)) })
  })

  test('a state that a lost connection cut off is left out', () => {
    const whole = [`begin ${at(0)}`, `sample ${at(0)} 11 new`, 'G ip-nft a/b/2', '.', `sample ${at(1)} 13 same`]
    const cut = [`sample ${at(2)} 16 new`, 'G ip-nft c/d/2', `R ip-nft ${chain('A')} 1 a b`]
    const text = [...whole, ...cut].join('\n')
    for (let length = 0; length <= text.length; length++) {
      const samples = parseSlice(text.slice(0, length))?.samples ?? []
      expect(samples.length).toBeLessThanOrEqual(2)
      expect(samples.every((one) => one.generations.get('ip-nft') === 'a/b/2')).toBe(true)
    }
    expect(parseSlice(text)?.samples).toHaveLength(2)
  })

  test.each(['', 'bash: not found', `sample ${at(0)} 1 new\n.\n`, 'begin x\n'])('%j is no slice', (text) => {
    expect(parseSlice(text)).toBeNull()
  })

  test('what somebody wrote into a comment is not taken for a pod', () => {
    const lines = [
      'R ip-nft KUBE-POD-FW-x 1 a b',
      `R ip-nft ${chain('A')} 1 a $(reboot)`,
      `R ip-nft ${chain('A')} -1 a b`,
    ]
    const parsed = slice(`begin ${at(0)}`, `sample ${at(0)} 1 new`, ...lines, '.')
    expect(parsed?.samples[0]?.counters.size).toBe(0)
  })

  test('anything at all is read without an error', () => {
    const word = fc.constantFrom(
      'begin',
      'sample',
      'failed',
      'end',
      'new',
      'same',
      '.',
      'G',
      'R',
      'E',
      at(0),
      '5',
      '\n',
      ' ',
    )
    fc.assert(fc.property(fc.array(fc.oneof(word, fc.string())), (words) => void parseSlice(words.join(' '))))
  })
})

const sample = (
  second: number,
  counters: Readonly<Record<string, number>>,
  generation = 'a',
  gaps: RejectSample['gaps'] = new Map(),
): RejectSample => ({
  atMs: Number(at(second)),
  generations: new Map([['ip-nft', generation]]),
  counters: new Map(
    Object.entries(counters).map(([name, count]) => [`ip-nft ${name}`, { namespace: 'ns', pod: 'p', count }]),
  ),
  emptyIsGap: true,
  gaps,
})
const added = (before: RejectSample | null, now: RejectSample) =>
  difference(before, now).increments.reduce((sum, { count }) => sum + count, 0)

describe('difference', () => {
  test.each([
    ['nothing before the first sample counts', null, sample(0, { A: 114 }), 0],
    ['grown', sample(0, { A: 114 }), sample(1, { A: 120 }), 6],
    ['a chain that had refused nothing', sample(0, {}), sample(1, { A: 3 }), 3],
    ['another chain, as after every sync', sample(0, { A: 114 }), sample(1, { B: 3 }, 'b'), 3],
    ['also when it counted more than the one before', sample(0, { A: 3 }), sample(1, { B: 114 }, 'b'), 114],
    ['the same chain set to zero', sample(0, { A: 114 }), sample(1, { A: 4 }), 4],
    ['gone', sample(0, { A: 114 }), sample(1, {}), 0],
  ])('%s', (_, before, now, expected) => {
    expect(added(before, now)).toBe(expected)
  })

  test('a reconcile is other names, not other counters', () => {
    expect(difference(sample(0, { A: 1 }), sample(1, { A: 0 })).reconciled).toBe(false)
    expect(difference(sample(0, { A: 1 }), sample(1, { A: 1 }, 'b')).reconciled).toBe(true)
    expect(difference(null, sample(0, {}))).toEqual({ increments: [], reconciled: false, gaps: [] })
    const without: RejectSample = { ...sample(0, {}), generations: new Map() }
    expect(difference(without, sample(1, {})).reconciled).toBe(true)
    expect(difference(sample(0, {}), without).reconciled).toBe(false)
  })

  test('a gap is told when it begins, and again for the chains of another sync', () => {
    const gap = (name: string) =>
      new Map([[`ip-nft ${name}`, { namespace: 'ns', pod: 'p', what: 'policy-chain-empty' as const, certain: true }]])
    const first = sample(0, {}, 'a', gap('A'))
    expect(difference(sample(-1, {}), first).gaps).toHaveLength(1)
    expect(difference(first, sample(1, {}, 'a', gap('A'))).gaps).toHaveLength(0)
    expect(difference(first, sample(1, {}, 'b', gap('B'))).gaps).toHaveLength(1)
  })

  test('whatever is counted, renamed and zeroed: never too much, and all of it that can be known', () => {
    const event = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('reject' as const), count: fc.integer({ min: 1, max: 50 }) }),
      },
      { weight: 2, arbitrary: fc.constant({ kind: 'sample' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'sync' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'zeroed' as const }) },
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let [counter, version, truth, knowable, sum] = [0, 0, 0, 0, 0]
        // Since the last sample: refused, and of it what stood in a counter that was thrown away before anybody looked.
        let [since, dropped, zeroed] = [0, 0, false]
        let before: RejectSample | null = null
        for (const one of events) {
          if (one.kind === 'reject') {
            counter += one.count
            since += one.count
          } else if (one.kind === 'sample') {
            const now = sample(0, counter > 0 ? { [`v${version}`]: counter } : {}, `v${version}`)
            const found = added(before, now)
            if (before !== null) {
              expect(found).toBeGreaterThanOrEqual(0)
              expect(found).toBeLessThanOrEqual(since)
              if (!zeroed) {
                // A sync's new names tell that the counter began anew: all of it is known.
                expect(found).toBe(since - dropped)
                knowable += since - dropped
                sum += found
              }
              truth += since
            }
            before = now
            ;[since, dropped, zeroed] = [0, 0, false]
          } else {
            dropped = since
            counter = 0
            if (one.kind === 'sync') version++
            else zeroed = true
          }
        }
        expect(sum).toBe(knowable)
        expect(sum).toBeLessThanOrEqual(truth)
      }),
    )
  })
})
