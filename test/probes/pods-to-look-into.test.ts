import { expect, test } from 'vitest'
import type { Series } from '../../src/probes/evidence.ts'
import { podsToLookInto } from '../../src/probes/pods-to-look-into.ts'
import { clusterFacts } from './cluster-facts.ts'

const names = ['n1', 'n2'].flatMap((node) =>
  ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name: `${name}-${node}`, node })),
)
const facts = clusterFacts(names.map((one) => ({ namespace: 'x', ...one })))

/** One letter an attempt: . ok, r refused */
function one(from: string, address: string, letters: string, over: Partial<Series> = {}): Series {
  return {
    ...{ id: `${from}>y:80`, from, fromNode: from.slice(-2), to: 'y', toNode: null, address, port: 80, kind: 'tcp' },
    ...{ sort: 'cross-node', fromSelected: false, toSelected: false, allowed: true },
    attempts: [...letters].map((letter, at) => [at * 500, 1, letter === '.' ? 'ok' : 'refused', null]),
    ...over,
  }
}
const look = (...series: Series[]) => {
  const { pods, destinations } = podsToLookInto(series, facts)
  return { pods: pods.map(({ name }) => name), destinations }
}

test('nothing failed: the first of each node', () => {
  const series = names.map(({ name }) => one(`x/${name}`, '10.0.0.1', '....'))
  expect(look(...series)).toEqual({ pods: ['a-n1', 'a-n2'], destinations: ['10.0.0.1'] })
})

test('those that fail most, one that does not on the same node, and where to they fail', () => {
  const series = [
    one('x/a-n1', '10.0.0.1', 'r...'),
    one('x/b-n1', '10.0.0.2', '....'),
    one('x/c-n1', '10.0.0.3', 'rrr.'),
    one('x/d-n1', '10.0.0.4', 'rr..'),
    one('x/e-n1', 'example.org', 'rrrr'),
    one('x/a-n2', '10.0.0.2', '....'),
  ]
  expect(look(...series)).toEqual({
    pods: ['e-n1', 'c-n1', 'd-n1', 'b-n1', 'a-n2'],
    destinations: ['10.0.0.3', '10.0.0.4', '10.0.0.2'],
  })
})

test('what policies deny, what nodes try, and pods that nothing is known of are not looked into', () => {
  expect(
    look(
      one('x/a-n1', '10.0.0.1', 'rrrr', { allowed: false }),
      one('node:n1', '10.0.0.1', 'rrrr'),
      one('x/gone-n1', '10.0.0.1', 'rrrr'),
      one('x/b-n1', '10.0.0.1', ''),
    ),
  ).toEqual({ pods: [], destinations: [] })
})
