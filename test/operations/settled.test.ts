import { expect, it } from 'vitest'
import { missingOfCluster, missingOfControlPlane, missingOfEtcd, missingOfNodes } from '../../src/operations/settled.ts'
import { someFacts } from './some-facts.ts'

const nowMs = Date.parse('2026-11-21T10:00:00Z')

it('misses nothing of a whole cluster', () => {
  expect(missingOfCluster(someFacts(), nowMs)).toBeNull()
})

it.each([
  [{ hasLeader: false }, 's2 has no leader'],
  [{ hasLeader: null }, 's2 does not answer'],
  [{ isLearner: true }, 'learner'],
  [{ activePeers: 1 }, '1 of 2 peers'],
])('an etcd member with %j is missed', (part, words) => {
  const facts = someFacts()
  Object.assign(facts.nodes.s2?.etcd ?? {}, part)
  expect(missingOfEtcd(facts)).toContain(words)
})

it('does not believe Ready when the heartbeat is old', () => {
  const facts = someFacts()
  const node = facts.kube.nodes[3]
  if (node) node.heartbeatMs = nowMs - 45_000
  expect(missingOfNodes(facts, nowMs, false)).toBe('a1 has not been heard of for 45 s')
})

it('does not take a fresh heartbeat for a K3s that runs', () => {
  const facts = someFacts()
  if (facts.nodes.a1) facts.nodes.a1.unit.activeState = 'activating'
  expect(missingOfCluster(facts, nowMs)).toContain('on a1 is activating')
})

it('asks for Ready only where a CNI is there', () => {
  const facts = someFacts()
  const node = facts.kube.nodes[0]
  if (node) Object.assign(node, { ready: false, readyMessage: 'cni plugin not initialized' })
  expect(missingOfNodes(facts, nowMs, false)).toBeNull()
  expect(missingOfNodes(facts, nowMs, true)).toContain('cni plugin not initialized')
})

it('waits for living holders of the leases', () => {
  const facts = someFacts()
  const lease = facts.kube.leases[1]
  if (lease) lease.renewMs = nowMs - 60_000
  expect(missingOfControlPlane(facts, nowMs)).toContain('kube-scheduler')
})
