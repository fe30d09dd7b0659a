import { expect, test } from 'vitest'
import type { AttemptClass } from '../../../src/probes/attempts.ts'
import { cellsOf, fromRecord, fromSeries } from '../../../src/report/html/matrix-cells.ts'

const tried = (outcome: AttemptClass, to = 'b') =>
  fromRecord([{ from: 'ns/a', to: `ns/${to}`, address: '10.42.0.9', port: 80, outcome, durationMs: 3 }])

const series = (...outcomes: AttemptClass[]) =>
  fromSeries([
    {
      ...{ id: 'x', from: 'ns/a', fromNode: 's1', to: 'ns/b', toNode: 's2', address: '10.42.0.9', port: 80 },
      ...{ kind: 'tcp', sort: 'cross-node', fromSelected: false, toSelected: false, allowed: true },
      attempts: outcomes.map((outcome, index) => [index * 500, 3, outcome, null]),
    },
  ])

test.each([
  ['ok', 'ok', 'none'],
  ['ok', 'timeout', 'worse'],
  ['refused', 'ok', 'better'],
  // What kube-router rejects, Cilium drops: both forbid.
  ['refused', 'timeout', 'none'],
  ['ok', 'no-netns', 'none'],
] as const)('%s before and %s after is %s', (before, after, change) => {
  expect(cellsOf(tried(before), tried(after)).map((cell) => cell.change)).toEqual([change])
})

test('a pair that was tried only once of the two times is there, and no change', () => {
  expect(
    cellsOf(tried('ok', 'b'), tried('ok', 'c')).map(({ to, before, after, change }) => [
      to,
      before?.look,
      after?.look,
      change,
    ]),
  ).toEqual([
    ['ns/b:80', 'works', undefined, 'none'],
    ['ns/c:80', undefined, 'works', 'none'],
  ])
})

test('many attempts: what failed is counted, by how it failed; what was not tried does not count', () => {
  const [cell] = cellsOf(series('ok', 'refused', 'timeout', 'refused', 'no-netns'), series('ok', 'ok'))
  expect(cell?.before).toEqual({ look: 'mixed', text: '1 of 4 attempts worked, 2 refused, 1 timeout' })
  expect(cell?.after).toEqual({ look: 'works', text: '2 of 2 attempts worked' })
  expect(cell?.change).toBe('better')
  expect([...series('no-netns').values()][0]?.seen).toEqual({ look: 'unknown', text: 'not tried' })
})
