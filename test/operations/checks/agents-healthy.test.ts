import { expect, test } from 'vitest'
import { agentsHealthy } from '../../../src/operations/checks/agents-healthy.ts'
import { admission } from '../../../src/operations/labels.ts'
import { routedFacts, someValues } from '../routed-facts.ts'

/** Cilium is kept to the nodes with these names. */
function kept(...names: string[]) {
  const facts = routedFacts('tunnel')
  const values = someValues('tunnel', { nodeSelector: admission })
  const { cilium } = facts.kube
  cilium.chart = { by: 'helm-chart-object', version: '1.17.6', values }
  cilium.agents = cilium.agents.filter(({ node }) => names.includes(node))
  const one = { desired: names.length, ready: names.length, updated: names.length, generation: 2, observed: 2 }
  cilium.daemonSet = { ...cilium.daemonSet, ...one }
  for (const node of facts.kube.nodes) if (names.includes(node.name)) Object.assign(node.labels, admission)
  return facts
}

test('only nodes that it may run on count', () => {
  const facts = kept('a1')
  for (const name of ['s1', 's2', 's3']) facts.nodes[name]?.network.links.splice(1)
  expect(agentsHealthy(facts, 8473)).toMatchObject([{ level: 'fine', detail: 'a1' }])
})

test('ready agents with a tunnel that is down, or on another port, are not healthy', () => {
  const facts = kept('a1', 's1')
  const link = facts.nodes.s1?.network.links.find(({ name }) => name === 'cilium_vxlan')
  if (!link) throw new Error('no tunnel')
  expect(agentsHealthy(facts, 8474)).toMatchObject([
    { level: 'blocks', detail: expect.stringMatching(/uses UDP 8473/) },
  ])
  link.up = false
  expect(agentsHealthy(facts, 8473)).toMatchObject([{ level: 'blocks', detail: expect.stringMatching(/s1.*DOWN/) }])
})
