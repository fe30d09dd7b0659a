import { expect, test } from 'vitest'
import { ciliumAdmitted } from '../../src/operations/cilium-admitted.ts'
import { admission } from '../../src/operations/labels.ts'
import { noting } from './fake-guards.ts'
import { NodesApi } from './nodes-api.ts'
import { route, routedFacts, someValues } from './routed-facts.ts'

const saying = (said: string[]) => ({ ...noting(new Map()), say: (line: string) => void said.push(line) })

/** Cilium runs on a1 only, kept there. */
function keptToOne(): NodesApi {
  const api = new NodesApi()
  api.facts = routedFacts('tunnel')
  api.facts.kube.cilium.agents = api.facts.kube.cilium.agents.filter(({ node }) => node === 'a1')
  const values = someValues('tunnel', { nodeSelector: admission })
  api.facts.kube.cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values }
  Object.assign(api.node('a1').labels, admission)
  const { network } = api.facts.nodes.s1 ?? {}
  if (network) network.links = network.links.filter(({ name }) => !name.startsWith('cilium'))
  return api
}

const agent = (node: string, ready: boolean) => ({
  ...{ name: `cilium-of-${node}`, node, ready, startedMs: 1, waiting: null, restarts: 0, annotations: {} },
})

test('where nothing is installed yet the label is all', async () => {
  const api = new NodesApi()
  const change = ciliumAdmitted.diff(api.facts, 'a1', undefined)
  expect(change).toEqual({})
  const predicted = ciliumAdmitted.predict(api.facts, 'a1', {})
  await expect(ciliumAdmitted.verify(api.world, 'a1', {}, saying([]))).rejects.toThrow(/a1 has no label/)
  await ciliumAdmitted.apply(api.world, 'a1', {}, saying([]))
  await ciliumAdmitted.verify(api.world, 'a1', {}, saying([]))
  expect(api.facts).toEqual(predicted)
  expect(ciliumAdmitted.diff(api.facts, 'a1', undefined)).toBeNull()
})

test('where it is installed, it is waited for the node’s agent and its tunnel, and for no other', async () => {
  const api = keptToOne()
  await ciliumAdmitted.apply(api.world, 's1', {}, saying([]))
  const stages = [
    () => {},
    () => void api.facts.kube.cilium.agents.push(agent('s1', false)),
    () => void api.facts.kube.cilium.agents.splice(1, 1, agent('s1', true)),
    () => {},
    () => route(api.facts, 's1', 'tunnel'),
  ]
  api.onLook = () => stages.shift()?.()
  const said: string[] = []
  await ciliumAdmitted.verify(api.world, 's1', {}, saying(said))
  expect(said).toEqual([
    expect.stringContaining('its agent is not ready yet'),
    expect.stringContaining('s1: no link cilium_vxlan'),
  ])
})

test('going back it is not over before the agent is gone', async () => {
  const api = keptToOne()
  const looks = [() => {}, () => void api.facts.kube.cilium.agents.splice(0)]
  api.onLook = () => looks.shift()?.()
  const said: string[] = []
  if ('run' in ciliumAdmitted.undo) await ciliumAdmitted.undo.run(api.world, 'a1', {}, saying(said))
  expect(api.node('a1').labels).toEqual({})
  expect(said).toEqual([expect.stringContaining('it is still there')])
})
