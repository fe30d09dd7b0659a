import { expect, test } from 'vitest'
import type { PathsFacts } from '../../../src/facts/paths.ts'
import { pathsOpen } from '../../../src/operations/checks/paths-open.ts'
import { someFacts } from '../some-facts.ts'

type Path = PathsFacts[number]
const tunnel: Path = {
  from: 's1',
  to: 's2',
  address: '192.168.77.12',
  protocol: 'udp',
  port: 8473,
  what: "Cilium's tunnel",
  outcome: 'open',
  listening: true,
  why: null,
}
const health: Path = { ...tunnel, protocol: 'tcp', port: 4240, what: "Cilium's health checks" }
const untried = { outcome: 'not-tried', listening: false, why: 'nobody could' } as const

function judged(...paths: Path[]) {
  return pathsOpen({ ...someFacts(), paths }).map(({ level, atWorst }) =>
    atWorst ? `${level}, at worst ${atWorst}` : level,
  )
}

test.each<[string, Path, string]>([
  ['arrived', tunnel, 'fine'],
  ['lost', { ...tunnel, outcome: 'lost' }, 'blocks'],
  // Nobody was there, and the node itself said so: it was reached.
  ['refused, and nobody listened', { ...health, outcome: 'refused', listening: false }, 'fine'],
  ['refused, and somebody listened: a firewall refused', { ...health, outcome: 'refused' }, 'warns'],
  ['etcd refused', { ...health, port: 2380, outcome: 'refused' }, 'blocks'],
  ['nobody answered', { ...health, outcome: 'timeout', listening: false }, 'warns'],
  ['the API times out', { ...health, port: 6443, outcome: 'timeout' }, 'blocks'],
  ['no ping', { ...health, protocol: 'icmp', port: 0, ...untried }, 'unknown, at worst warns'],
  ['a tunnel not tried, no firewall to be seen', { ...tunnel, ...untried }, 'unknown, at worst warns'],
])('%s', (_, path, level) => {
  expect(judged(path)).toEqual([level])
})

test('a tunnel that could not be tried, where the firewall has it closed or cannot be understood, stands in the way', () => {
  const facts = { ...someFacts(), paths: [{ ...tunnel, ...untried }] }
  const [s2] = [facts.nodes.s2]
  if (s2?.firewall) s2.firewall.ufw = { incoming: 'deny', rules: [] }
  expect(pathsOpen(facts)).toMatchObject([{ level: 'unknown', detail: 's1 to s2: nobody could' }])
  expect(pathsOpen(facts)[0]?.atWorst).toBeUndefined()
})

test("flannel's own port, which flannel uses between the same nodes", () => {
  expect(judged({ ...tunnel, port: 8472, ...untried })).toEqual(['fine'])
})

test('some ways and not others: both are told; one node has nobody to reach; what was not tried is not fine', () => {
  const [finding] = pathsOpen({ ...someFacts(), paths: [tunnel, { ...tunnel, to: 'a1', outcome: 'lost' }] })
  expect(finding?.detail).toBe('1 of 2 ways are not: s1 to a1 (lost)')
  const facts = someFacts()
  delete facts.paths
  expect(pathsOpen(facts)).toMatchObject([{ level: 'unknown' }])
  expect(pathsOpen({ ...facts, nodes: { s1: facts.nodes.s1 as never } })).toMatchObject([{ level: 'fine' }])
})
