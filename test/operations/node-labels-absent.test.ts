import { expect, test } from 'vitest'
import { nodeLabelsAbsent } from '../../src/operations/node-labels-absent.ts'
import { noting } from './fake-guards.ts'
import { NodesApi } from './nodes-api.ts'

const task = noting(new Map())
const ours = { 'cni-migrate.io/cilium': 'admitted', other: 'ours' }

test('ours go, somebody’s value stays, and ours come back', async () => {
  const api = new NodesApi()
  const labels = { 'cni-migrate.io/cilium': 'admitted', other: 'theirs', zone: 'b' }
  api.node('s1').labels = { ...labels }
  const change = nodeLabelsAbsent.diff(api.facts, 's1', ours)
  expect(change).toEqual({ labels: { 'cni-migrate.io/cilium': 'admitted' } })
  if (change === null) return
  const predicted = nodeLabelsAbsent.predict(api.facts, 's1', change)
  await expect(nodeLabelsAbsent.verify(api.world, 's1', change, task)).rejects.toThrow(/still has cni-migrate/)
  await nodeLabelsAbsent.apply(api.world, 's1', change, task)
  await nodeLabelsAbsent.verify(api.world, 's1', change, task)
  expect(api.facts).toEqual(predicted)
  expect(api.node('s1').labels).toEqual({ other: 'theirs', zone: 'b' })
  if ('run' in nodeLabelsAbsent.undo) await nodeLabelsAbsent.undo.run(api.world, 's1', change, task)
  expect(api.node('s1').labels).toEqual(labels)
})

test('an API that does not answer proves nothing', async () => {
  const api = new NodesApi()
  expect(nodeLabelsAbsent.diff(api.facts, 's1', ours)).toBeNull()
  Object.assign(api.facts.kube, { reachable: false, error: 'refused', nodes: [] })
  await expect(nodeLabelsAbsent.verify(api.world, 's1', { labels: ours }, task)).rejects.toThrow(/refused/)
})
