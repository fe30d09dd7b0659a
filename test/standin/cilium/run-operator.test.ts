import { describe, expect, it } from 'vitest'
import { assignments, nodeUpdate, operatorConfig, unmanagedPods } from '../../../src/lab/standin/cilium/run-operator.ts'
import type { ApiObject } from '../../../src/lab/standin/context.ts'

const config = operatorConfig({ 'cluster-pool-ipv4-cidr': '10.52.0.0/16', 'cluster-pool-ipv4-mask-size': '24' })
const ciliumNode = (name: string, podCidr?: string): ApiObject => ({
  apiVersion: 'cilium.io/v2',
  kind: 'CiliumNode',
  metadata: { name },
  spec: { ipam: podCidr === undefined ? {} : { podCIDRs: [podCidr] } },
})

describe('assignments', () => {
  it('gives each node without a range one of its own and leaves the others theirs', () => {
    expect(assignments([ciliumNode('a'), ciliumNode('b', '10.52.0.0/24'), ciliumNode('c')], config)).toEqual([
      { node: 'a', podCidr: '10.52.1.0/24' },
      { node: 'c', podCidr: '10.52.2.0/24' },
    ])
  })

  it('says so when the pool is used up', () => {
    const small = operatorConfig({ 'cluster-pool-ipv4-cidr': '10.52.0.0/24' })
    expect(() => assignments([ciliumNode('a', '10.52.0.0/24'), ciliumNode('b')], small)).toThrow(/no more CIDR/)
  })
})

describe('nodeUpdate', () => {
  const taint = { key: 'node.cilium.io/agent-not-ready', value: 'true', effect: 'NoSchedule' }
  const node = (taints: object[], conditions: object[] = []): ApiObject => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a' },
    spec: { taints },
    status: { conditions },
  })

  it('taints a node whose agent is not ready, once, and frees it again', () => {
    expect(nodeUpdate(node([]), false, config, '').taints).toEqual([taint])
    expect(nodeUpdate(node([taint]), false, config, '').taints).toBeNull()
    expect(nodeUpdate(node([{ key: 'mine' }, taint]), true, config, '').taints).toEqual([{ key: 'mine' }])
  })

  it("replaces flannel's word on the network with Cilium's", () => {
    const flannel = { type: 'NetworkUnavailable', status: 'False', reason: 'FlannelIsUp' }
    const { conditions } = nodeUpdate(node([], [{ type: 'Ready', status: 'True' }, flannel]), true, config, 'now')
    expect(conditions?.map(({ type, reason }) => [type, reason])).toEqual([
      ['Ready', undefined],
      ['NetworkUnavailable', 'CiliumIsUp'],
    ])
  })
})

describe('unmanagedPods', () => {
  const now = Date.parse('2026-01-01T01:00:00Z')
  const dns = (startTime: string, spec = {}): ApiObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'coredns', namespace: 'kube-system' },
    spec,
    status: { phase: 'Running', startTime },
  })
  const old = '2026-01-01T00:59:00Z'
  const key = 'kube-system/coredns'

  it('takes a DNS pod older than 30 s without an endpoint, and not twice in 5 minutes', () => {
    expect(unmanagedPods([dns(old)], [], new Map(), now)).toHaveLength(1)
    expect(unmanagedPods([dns('2026-01-01T00:59:45Z')], [], new Map(), now)).toHaveLength(0)
    expect(unmanagedPods([dns(old, { hostNetwork: true })], [], new Map(), now)).toHaveLength(0)
    expect(unmanagedPods([dns(old)], [], new Map([[key, now - 60_000]]), now)).toHaveLength(0)
    expect(unmanagedPods([dns(old)], [], new Map([[key, now - 301_000]]), now)).toHaveLength(1)
    expect(unmanagedPods([dns(old)], [dns(old)], new Map(), now)).toHaveLength(0)
  })
})
