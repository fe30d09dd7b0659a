import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { oneSegment } from '../../../src/operations/checks/one-segment.ts'
import { podsInRange } from '../../../src/operations/checks/pods-in-range.ts'
import { releaseChangeable } from '../../../src/operations/checks/release-changeable.ts'
import { routedByTunnel } from '../../../src/operations/checks/routed-by-tunnel.ts'
import { routingInForce } from '../../../src/operations/checks/routing-in-force.ts'
import { routingValuesSafe } from '../../../src/operations/checks/routing-values-safe.ts'
import { route, routedFacts, someValues } from '../routed-facts.ts'
import { podCidr, someInventory } from '../some-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)
const inTheWay = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'fine')

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

test('a range of the inventory that is not Cilium’s would rewrite pods’ sources: refused', () => {
  expect(levels(podsInRange(routedFacts('tunnel'), podCidr))).toEqual(['fine'])
  expect(podsInRange(routedFacts('tunnel'), '10.99.0.0/16')[0]).toMatchObject({
    level: 'blocks',
    target: 's1',
    detail: 'Cilium gave it 10.52.0.0/24, which is not in 10.99.0.0/16',
  })
})

test.each([
  ['native', { cleanState: true }, /cleanState: true wipes/],
  ['tunnel', { cleanBpfState: true }, /cleanBpfState: true wipes/],
  ['tunnel', { installNoConntrackIptablesRules: true }, /needs native routing/],
  ['tunnel', { loadBalancer: { mode: 'dsr' } }, /loadBalancer\.mode: "dsr"/],
] as const)('to %s with %o: refused', (mode, over, said) => {
  const facts = routedFacts('native')
  facts.kube.cilium.chart = { by: 'helm', version: '1.17.6', values: someValues('native', over) }
  const found = routingValuesSafe(facts, mode).filter(({ level }) => level === 'blocks')
  expect(found).toMatchObject([{ detail: expect.stringMatching(said), fix: expect.stringMatching(/release's values/) }])
})

test('what suits native routing is no trouble on the way there; what nobody can read is said', () => {
  const facts = routedFacts('tunnel')
  facts.kube.cilium.chart = {
    by: 'helm',
    version: '1.17.6',
    values: someValues('tunnel', { loadBalancer: { mode: 'dsr' } }),
  }
  expect(inTheWay(routingValuesSafe(facts, 'native'))).toMatchObject([
    { level: 'warns', detail: expect.stringMatching(/clouds drop such packets/) },
  ])
})

test('agents before 1.17 do not tell running pods of another packet size', () => {
  const facts = routedFacts('native')
  expect(inTheWay(routingValuesSafe(facts, 'tunnel'))).toEqual([])
  facts.kube.cilium.chart = { by: 'helm', version: '1.16.8', values: someValues('native') }
  expect(levels(inTheWay(routingValuesSafe(facts, 'tunnel')))).toEqual(['warns'])
})

test('a release that is not there, or somebody else’s to change, is not changed', () => {
  const facts = routedFacts('tunnel')
  expect(inTheWay(releaseChangeable(facts, someInventory.cilium))).toEqual([])
  const byHelm = { ...someInventory.cilium, install: 'helm' as const }
  expect(inTheWay(releaseChangeable(facts, byHelm))[0]?.detail).toMatch(/installed by helm-chart-object/)
  facts.kube.cilium.chart = null
  expect(levels(releaseChangeable(facts, someInventory.cilium))).toEqual(['blocks'])
})

test('a chart in a file that is of another version would be an upgrade: refused', () => {
  const facts = routedFacts('tunnel')
  facts.kube.cilium.chart = { by: 'helm', version: '1.17.4', values: someValues('tunnel') }
  const cilium = { ...someInventory.cilium, install: 'helm' as const, chart: { path: '/charts/cilium.tgz' } }
  expect(releaseChangeable(facts, cilium)[0]).toMatchObject({
    level: 'blocks',
    detail: "it has version 1.17.4, the inventory's chart 1.17.6: with the values the version would change",
  })
})

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

test('runbooks that count on the tunnel are told what to do first', () => {
  expect(levels(routedByTunnel(routedFacts('tunnel'), ''))).toEqual(['fine'])
  expect(routedByTunnel(routedFacts('native'), 'it would hurt')[0]).toMatchObject({
    level: 'blocks',
    fix: 'first: migrate run --runbook routing-mode-change --to tunnel',
  })
})
