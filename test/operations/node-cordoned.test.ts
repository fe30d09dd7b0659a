import { expect, test } from 'vitest'
import { nodeCordoned } from '../../src/operations/node-cordoned.ts'
import { noting } from './fake-guards.ts'
import { NodesApi } from './nodes-api.ts'

const task = noting(new Map())

test.each([true, false])('cordoned: %s, seen in the API, and back', async (wanted) => {
  const api = new NodesApi()
  api.node('s2').unschedulable = !wanted
  const change = nodeCordoned.diff(api.facts, 's2', wanted)
  expect(change).toEqual({ cordoned: wanted })
  if (change === null) return
  const predicted = nodeCordoned.predict(api.facts, 's2', change)
  await nodeCordoned.apply(api.world, 's2', change, task)
  await nodeCordoned.verify(api.world, 's2', change, task)
  expect(api.facts).toEqual(predicted)
  if ('run' in nodeCordoned.undo) await nodeCordoned.undo.run(api.world, 's2', change, task)
  expect(api.node('s2').unschedulable).toBe(!wanted)
  await expect(nodeCordoned.verify(api.world, 's2', change, task)).rejects.toThrow(/s2 is not (cordoned|schedulable)/)
})

test('what is so already, and a node that is gone, need nothing', () => {
  const { facts } = new NodesApi()
  expect(nodeCordoned.diff(facts, 's2', false)).toBeNull()
  expect(nodeCordoned.diff(facts, 'gone', true)).toBeNull()
})

test('an API that does not answer proves nothing', async () => {
  const api = new NodesApi()
  Object.assign(api.facts.kube, { reachable: false, error: 'refused', nodes: [] })
  await expect(nodeCordoned.verify(api.world, 's2', { cordoned: true }, task)).rejects.toThrow(/refused/)
})
