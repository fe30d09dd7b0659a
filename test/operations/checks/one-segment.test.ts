import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { oneSegment } from '../../../src/operations/checks/one-segment.ts'
import { routedFacts } from '../routed-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)

test('nodes that are each in a network of all others can be next hops; one behind a gateway cannot', () => {
  const facts = routedFacts('tunnel')
  for (const node of Object.values(facts.nodes))
    for (const link of node.network.links) if (link.name === 'eth0') link.addresses = [`${node.address}/24`]
  expect(levels(oneSegment(facts))).toEqual(['fine'])
  const far = facts.kube.nodes.find(({ name }) => name === 'a1')
  const link = facts.nodes.a1?.network.links.find(({ name }) => name === 'eth0')
  if (!far || !link) throw new Error('fixture')
  far.internalIp = '192.168.78.14'
  link.addresses = ['192.168.78.14/24']
  expect(oneSegment(facts).map(({ target, level }) => `${target} ${level}`)).toEqual([
    's1 blocks',
    's2 blocks',
    's3 blocks',
    'a1 blocks',
  ])
  expect(oneSegment(facts)[0]?.detail).toContain('a1 (192.168.78.14)')
})

test('a network that Cilium made does not count: every node has one of those', () => {
  const facts = routedFacts('tunnel')
  for (const node of Object.values(facts.nodes))
    for (const link of node.network.links) link.addresses = link.name === 'cilium_host' ? ['192.168.0.1/16'] : []
  expect(levels(oneSegment(facts))).toEqual(['blocks', 'blocks', 'blocks', 'blocks'])
})
