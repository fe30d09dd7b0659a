import { expect, test } from 'vitest'
import { agentsEverywhere } from '../../../src/operations/checks/agents-everywhere.ts'
import { routedFacts } from '../routed-facts.ts'

test('agents that are not ready do not matter, nodes that are to have none do', () => {
  const facts = routedFacts('tunnel')
  facts.kube.cilium.daemonSet = { desired: 4, ready: 0, updated: 1, generation: 2, observed: 2 }
  expect(agentsEverywhere(facts)).toMatchObject([{ level: 'fine' }])
  facts.kube.cilium.daemonSet = { desired: 3, ready: 3, updated: 3, generation: 2, observed: 2 }
  expect(agentsEverywhere(facts)).toMatchObject([
    { level: 'blocks', detail: expect.stringMatching(/wants 3.* 4 nodes/) },
  ])
})
