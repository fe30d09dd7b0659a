import { expect, test } from 'vitest'
import { missingOfRouting } from '../../src/operations/routing-in-force.ts'
import { route, routedFacts } from './routed-facts.ts'

test.each(['native', 'tunnel'] as const)('%s: told by every node’s links and routes', (mode) => {
  const other = mode === 'native' ? 'tunnel' : 'native'
  expect(missingOfRouting(routedFacts(mode), mode, 8473)).toBeNull()
  const facts = routedFacts(mode)
  route(facts, 'a1', other)
  expect(missingOfRouting(facts, mode, 8473)).toMatch(/^a1: /)
})

test('a route of the tunnel that an agent left is told: its packets would go nowhere', () => {
  const facts = routedFacts('native')
  facts.nodes.s2?.network.routes.push('10.52.0.0/24 via 10.52.1.1 dev cilium_host proto kernel mtu 1450')
  expect(missingOfRouting(facts, 'native', 8473)).toBe(
    's2: a route of the other mode is still there: 10.52.0.0/24 via 10.52.1.1 dev cilium_host proto kernel mtu 1450',
  )
})

test('a route to a node’s former address is none', () => {
  const facts = routedFacts('native')
  const [first] = facts.kube.nodes
  if (first) first.internalIp = '192.168.77.99'
  expect(missingOfRouting(facts, 'native', 8473)).toMatch(/no route to s1's pods 10\.52\.0\.0\/24 by 192\.168\.77\.99/)
})

test('a tunnel on another port, or DOWN, is none', () => {
  expect(missingOfRouting(routedFacts('tunnel'), 'tunnel', 8472)).toMatch(/uses UDP 8473, not 8472/)
  const facts = routedFacts('tunnel')
  for (const link of facts.nodes.s3?.network.links ?? []) if (link.name === 'cilium_vxlan') link.up = false
  expect(missingOfRouting(facts, 'tunnel', 8473)).toMatch(/s3: cilium_vxlan is DOWN/)
})
