import { expect, it } from 'vitest'
import { k3sStarted } from '../../src/operations/k3s-started.ts'
import { someFacts } from './some-facts.ts'

const agentDir = '/var/lib/rancher/k3s/agent/etc/cni/net.d'

it.each([
  ['active', 812, '/etc/cni/net.d', true],
  // Its node was switched off and on after the stop: it came up by itself, and read its flags before they were written.
  ['active', 812, agentDir, false],
  ['activating', 812, '/etc/cni/net.d', false],
  ['failed', 0, agentDir, false],
])('%s with process %d, containerd looking in %s: nothing is to be done is %s', (activeState, mainPid, confDir, done) => {
  const facts = someFacts()
  const { s2 } = facts.nodes
  if (!s2) throw new Error('no node s2')
  Object.assign(s2.unit, { activeState, mainPid })
  s2.k3s.cni.confDir = confDir
  const change = k3sStarted.diff(facts, 's2', { flannel: false })
  expect(change === null).toBe(done)
  if (change) expect(k3sStarted.diff(k3sStarted.predict(facts, 's2', change), 's2', { flannel: false })).toBeNull()
})

it('to run with flannel again: what runs without it is restarted, what runs with it is left alone', () => {
  const facts = someFacts()
  const { s2 } = facts.nodes
  if (!s2) throw new Error('no node s2')
  expect(k3sStarted.diff(facts, 's2', { flannel: true })).toBeNull()
  s2.k3s.cni.confDir = '/etc/cni/net.d'
  const change = k3sStarted.diff(facts, 's2', { flannel: true })
  expect(change).toEqual({ unit: 'k3s', role: 'server', flannel: true })
  if (change) expect(k3sStarted.diff(k3sStarted.predict(facts, 's2', change), 's2', { flannel: true })).toBeNull()
})
