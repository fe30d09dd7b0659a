import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { routingInForce } from '../../../src/operations/checks/routing-in-force.ts'
import { route, routedFacts, someValues } from '../routed-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)

test('what is said at the end is read: a node of the other mode, a ConfigMap that says otherwise', () => {
  const facts = routedFacts('native')
  const wanted = { mode: 'native' as const, tunnelPort: 8473 }
  expect(levels(routingInForce(facts, wanted, someValues('native')))).toEqual(['fine', 'fine'])
  route(facts, 's2', 'tunnel')
  facts.kube.cilium.config = { ...facts.kube.cilium.config, 'routing-mode': 'tunnel' }
  expect(routingInForce(facts, wanted, someValues('native'))).toMatchObject([
    { level: 'blocks', detail: expect.stringMatching(/^s2: /) },
    { level: 'blocks', detail: expect.stringMatching(/routing-mode: tunnel/) },
  ])
})
