import { expect, it } from 'vitest'
import { podGarbage } from '../../../src/lab/standin/controllers/pod-garbage.ts'
import { node, object, viewOf } from './view.ts'

it('pods of a node that is no more go when it has been missed for 40 s, those of others stay', () => {
  const pod = (name: string, nodeName: string) => object('Pod', name, { spec: { nodeName } })
  const collections = {
    nodes: [node('s2')],
    pods: [pod('lost', 's1'), pod('kept', 's2'), object('Pod', 'unscheduled', { spec: {} })],
  }
  const collect = podGarbage()
  const at = (seconds: number) => collect(viewOf(collections, new Date(Date.UTC(2026, 0, 1, 12, 0, seconds))))
  expect(at(0)).toEqual([])
  expect(at(39)).toEqual([])
  expect(at(40)).toMatchObject([{ do: 'delete', collection: 'pods', name: 'lost', graceSeconds: 0 }])
})

it('a node that was made again in between is missed anew', () => {
  const pods = [object('Pod', 'one', { spec: { nodeName: 's1' } })]
  const collect = podGarbage()
  const at = (seconds: number, nodes: string[]) =>
    collect(viewOf({ nodes: nodes.map((name) => node(name)), pods }, new Date(Date.UTC(2026, 0, 1, 12, 0, seconds))))
  expect(at(0, [])).toEqual([])
  expect(at(30, ['s1'])).toEqual([])
  expect(at(50, [])).toEqual([])
})
