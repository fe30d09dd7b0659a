import { describe, expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import type { Attempt, AttemptClass } from '../../src/probes/attempts.ts'
import type { MatrixPair } from '../../src/probes/matrix-candidates.ts'
import { seenAttempts } from '../../src/probes/seen-attempts.ts'

const facts = { nodes: { n1: { host: { clockOffsetMs: 1500 } } } } as unknown as Facts
const pairOf = (id: string, allowed: boolean | null): MatrixPair => ({
  ...{ id, from: 'a/x', to: 'b/y', port: 80, kind: 'tcp', fromNode: 'n1', toNode: 'n2', sort: 'cross-node' },
  ...{ fromSelected: false, toSelected: true, allowed },
})
const attempt = (id: string, atMs: number, outcome: AttemptClass): Attempt => ({
  ...{ id, atMs, outcome, durationMs: 3, said: null, firstByteMs: 9 },
})
const matrix = [pairOf('open', true), pairOf('denied', false), pairOf('unclear', null)]
const target = (id: string, address: string) => ({ id, netns: '-', address, port: 80, kind: 'tcp' as const })
const seen = (...attempts: Attempt[]) => [{ node: 'n1', attempts, broken: 0 }]

describe('attempts by pair', () => {
  test("are in order, by the operator's clock, with the address of now and who was seen", () => {
    const collected = seenAttempts(matrix, facts)
    collected.located(new Map([['n1', matrix.map(({ id }) => target(id, '10.42.0.1'))]]))
    collected.add(seen(attempt('open', 20_000, 'ok'), attempt('open', 19_500, 'refused')))
    collected.located(new Map([['n1', [target('open', '10.42.0.9')]]]))
    const [open, denied] = collected.series(new Map([['open', '10.42.0.7']]))
    expect(open).toMatchObject({ id: 'open', address: '10.42.0.9', sourceSeen: '10.42.0.7' })
    expect(open?.attempts).toEqual([
      [18_000, 3, 'refused', 9],
      [18_500, 3, 'ok', 9],
    ])
    expect(denied).toMatchObject({ id: 'denied', address: '10.42.0.1', sourceSeen: null, attempts: [] })
    expect(collected.problems()).toEqual([])
  })

  test('what policies deny is no failure; what is unclear may be one; nobody there is no attempt', () => {
    const collected = seenAttempts(matrix, facts)
    expect(collected.add(seen(attempt('denied', 1, 'timeout'), attempt('unclear', 2, 'reset')))).toBe(false)
    expect(collected.counts).toEqual({ attempts: 2, failures: 1 })
    expect(collected.add(seen(attempt('open', 3, 'no-netns')))).toBe(true)
    expect(collected.counts).toEqual({ attempts: 2, failures: 1 })
    expect(collected.problems()).toContain('open: not probed for as long as the source was not there')
  })

  test('what was never probed, and what could not be read, is said', () => {
    const collected = seenAttempts(matrix, facts)
    collected.located(new Map([['n1', [target('open', '10.42.0.1')]]]))
    collected.add([{ node: 'n1', attempts: [attempt('nobody', 1, 'ok')], broken: 2 }])
    expect(collected.series(new Map()).map(({ id }) => id)).toEqual(['open'])
    expect(collected.problems()).toEqual([
      'denied, unclear: not probed, for an end of it could not be found',
      '2 lines of the prober could not be read',
    ])
  })
})
