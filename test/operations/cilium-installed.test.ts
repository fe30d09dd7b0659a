import { expect, it } from 'vitest'
import { missingOfAgent, missingOfCilium } from '../../src/operations/cilium-installed.ts'
import { stageAnnotation } from '../../src/operations/cilium-values.ts'
import { admission } from '../../src/operations/labels.ts'
import { someFacts } from './some-facts.ts'

const values = (stage: string, more = '') => `podAnnotations:\n  ${stageAnnotation}: ${stage}\n${more}`

/** Cilium with these values, its agents of this stage, on these nodes. */
function installed(text: string, stage: string, nodes: readonly string[]) {
  const facts = someFacts()
  const count = nodes.length
  Object.assign(facts.kube.cilium, {
    chart: { by: 'helm-chart-object', version: '1.17.6', values: text },
    daemonSet: { desired: count, ready: count, updated: count, generation: 1, observed: 1 },
    agents: nodes.map((node) => ({
      name: `cilium-${node}`,
      node,
      ready: true,
      startedMs: 0,
      waiting: null,
      restarts: 0,
      annotations: { [stageAnnotation]: stage },
    })),
    operatorReady: 1,
    nodes: nodes.map((name) => ({ name, podCidrs: ['10.52.0.0/24'] })),
  })
  return facts
}

const everywhere = ['s1', 's2', 's3', 'a1']

it('agents with former values are waited for, but not one of a node that is no more', () => {
  const text = values('enforcing')
  expect(missingOfCilium(installed(text, 'enforcing', everywhere), text)).toBeNull()
  expect(missingOfCilium(installed(text, 'beside', everywhere), text)).toBe('0 of 4 agents run with these values')
  const facts = installed(text, 'enforcing', everywhere)
  const [first] = facts.kube.cilium.agents
  if (first) facts.kube.cilium.agents.push({ ...first, node: 'gone', annotations: { [stageAnnotation]: 'beside' } })
  expect(missingOfCilium(facts, text)).toBeNull()
})

it('kept to nodes that were admitted, it is there when it is there', () => {
  const text = values('beside', `nodeSelector: ${JSON.stringify(admission)}\n`)
  const facts = installed(text, 'beside', ['a1'])
  for (const node of facts.kube.nodes)
    if (node.name === 'a1' || node.name === 's1') Object.assign(node.labels, admission)
  expect(missingOfCilium(facts, text)).toBe('agents on 1 of 2 nodes')
  for (const node of facts.kube.nodes) if (node.name === 's1') node.labels = {}
  expect(missingOfCilium(facts, text)).toBeNull()
})

it('one node is judged by itself', () => {
  const text = values('beside')
  const facts = installed(text, 'beside', ['a1', 's1'])
  for (const agent of facts.kube.cilium.agents) agent.ready = agent.node === 'a1'
  expect(missingOfAgent(facts, 'a1', text)).toBeNull()
  expect(missingOfAgent(facts, 's1', text)).toBe('its agent is not ready yet')
  expect(missingOfAgent(facts, 's2', text)).toBe('its agent is not there yet')
})
