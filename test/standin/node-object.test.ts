import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../src/lab/standin/config.ts'
import { annotationsOf, labelsOf, newNode, nodeStatus, withCondition } from '../../src/lab/standin/node-object.ts'

const recorded = parse(
  readFileSync(new URL('../fixtures/k3s-1.21.3/A-running/kube/nodes.yaml', import.meta.url), 'utf8'),
).items[0]
const args = [
  '--cluster-init',
  '--disable',
  'traefik',
  '--disable',
  'servicelb',
  '--disable',
  'metrics-server',
  '--disable',
  'local-storage',
  '--disable',
  'coredns',
]
const config = parseConfig({ role: 'server', argv: args, env: { K3S_TOKEN: 'labtoken' }, files: [] })
const node = { name: 'k1', ip: '10.99.0.11', role: 'server' as const, etcdName: 'k1-36846675', config }

describe('a server as the recorded one', () => {
  it('has its annotations; flannel adds its own', () => {
    const own = annotationsOf(node)
    const foreign = Object.keys(recorded.metadata.annotations).filter((key: string) => !key.startsWith('flannel.'))
    expect(Object.keys(own).sort()).toEqual(foreign.sort())
    expect(own['k3s.io/node-args']).toBe(recorded.metadata.annotations['k3s.io/node-args'])
    expect(own['k3s.io/node-env']).toContain('"K3S_TOKEN":"********"')
    expect(own['k3s.io/node-config-hash']).toMatch(/^[A-Z2-7]{52}====$/)
    expect(recorded.metadata.annotations['k3s.io/node-config-hash']).toMatch(/^[A-Z2-7]{52}====$/)
  })
  it('has its labels; node-role master is gone in newer versions', () => {
    const { 'node-role.kubernetes.io/master': _, ...labels } = recorded.metadata.labels
    expect(labelsOf(node)).toEqual(labels)
  })
  it('has its finalizers and provider id', () => {
    expect(newNode(node).metadata.finalizers).toEqual(recorded.metadata.finalizers)
    expect(newNode(node).spec.providerID).toBe(recorded.spec.providerID)
  })
  it('reports the same fields', () => {
    expect(Object.keys(nodeStatus(node).nodeInfo as object).sort()).toEqual(
      Object.keys(recorded.status.nodeInfo).sort(),
    )
    expect(nodeStatus(node).addresses).toEqual(recorded.status.addresses)
  })
})

describe('withCondition', () => {
  const old = {
    type: 'Ready',
    status: 'True',
    reason: 'r',
    message: 'm',
    lastTransitionTime: '2020-01-01T00:00:00Z',
    lastHeartbeatTime: '2020-01-01T00:00:00Z',
  }
  it('moves the heartbeat always, the transition only with the status', () => {
    const [same] = withCondition([old], { type: 'Ready', status: 'True', reason: 'r', message: 'm' })
    expect(same?.lastTransitionTime).toBe('2020-01-01T00:00:00Z')
    expect(same?.lastHeartbeatTime).not.toBe('2020-01-01T00:00:00Z')
    const [other] = withCondition([old], { type: 'Ready', status: 'False', reason: 'r', message: 'm' })
    expect(other?.lastTransitionTime).not.toBe('2020-01-01T00:00:00Z')
  })
  it('adds what is not there', () => {
    expect(withCondition([old], { type: 'X', status: 'True', reason: '', message: '' })).toHaveLength(2)
  })
})
