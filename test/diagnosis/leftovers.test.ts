import { describe, expect, test } from 'vitest'
import { flannelLeftovers } from '../../src/diagnosis/flannel-leftovers.ts'
import { frozenRules } from '../../src/diagnosis/frozen-rules.ts'
import { staleHostPorts } from '../../src/diagnosis/stale-host-ports.ts'
import { twoBackends } from '../../src/diagnosis/two-backends.ts'
import { unmanagedPods } from '../../src/diagnosis/unmanaged-pods.ts'
import { vxlanPortClash } from '../../src/diagnosis/vxlan-port-clash.ts'
import type { Evidence } from '../../src/probes/evidence.ts'
import * as causes from './support/causes.ts'
import { fromMs, nodeOf, pod, refused, series } from './support/evidence.ts'

const setFlag = (evidence: Evidence, node: string, flag: string, value: string) => {
  nodeOf(evidence, node).k3s.flags[flag] = { value, from: 'default' }
}

describe('frozen rules', () => {
  test('counted with the jumps into them', () => {
    expect(frozenRules.judge(causes.frozenRules()).diagnosis?.figures[0]).toMatchObject({ value: 3, unit: 'rules' })
  })

  test('rules that somebody still writes are not frozen', () => {
    const evidence = causes.frozenRules()
    for (const samples of evidence.rejects) if (samples.node === 's2') samples.reconcilesMs = [fromMs]
    expect(frozenRules.judge(evidence).diagnosis).toBeNull()
  })

  test('one server with the controller on, or a kube-router of its own: theirs', () => {
    const on = causes.frozenRules()
    setFlag(on, 's3', 'disable-network-policy', 'false')
    expect(frozenRules.judge(on).diagnosis).toBeNull()
    const own = causes.frozenRules()
    own.facts.kube.pods.push(pod('kube-system', 'kube-router-x7k2p', 's2', { hostNetwork: true }))
    expect(frozenRules.judge(own).diagnosis).toBeNull()
  })
})

describe('flannel leftovers', () => {
  test('not while flannel is on for a server, or runs by itself', () => {
    const on = causes.flannelLeftovers()
    setFlag(on, 's1', 'flannel-backend', 'vxlan')
    expect(flannelLeftovers.judge(on).diagnosis).toBeNull()
    const own = causes.flannelLeftovers()
    own.facts.kube.pods.push(pod('kube-flannel', 'kube-flannel-ds-abcde', 's3', { hostNetwork: true }))
    expect(flannelLeftovers.judge(own).diagnosis).toBeNull()
  })
})

describe('stale host ports', () => {
  const alive = (evidence: Evidence, id: string, ready: boolean) => {
    const [first] = nodeOf(evidence, 'a1').sandboxes ?? []
    if (first) nodeOf(evidence, 'a1').sandboxes = [{ ...first, id, ready }]
  }

  test('the entry of a sandbox that is there, ready or not yet taken away, is not stale', () => {
    for (const ready of [true, false]) {
      const evidence = causes.staleHostPorts()
      alive(evidence, 'd'.repeat(64), ready)
      expect(staleHostPorts.judge(evidence).diagnosis).toBeNull()
    }
    expect(staleHostPorts.judge(causes.staleHostPorts()).diagnosis?.where).toEqual(['node a1: 80, 443'])
  })

  test.each([
    'Pending',
    'Succeeded',
  ])('what a pod wants there that is %s may be in the making, or just gone', (phase) => {
    const evidence = causes.staleHostPorts()
    const job = pod('batch', 'import', 'a1', { hostPorts: [80], phase })
    evidence.facts.kube.pods.push(job)
    expect(staleHostPorts.judge(evidence).diagnosis).toBeNull()
    job.node = 's1'
    expect(staleHostPorts.judge(evidence).diagnosis?.rule).toBe('stale-host-ports')
  })

  test('a pod that wants the port makes it certain', () => {
    const evidence = causes.staleHostPorts()
    evidence.facts.kube.pods.push(pod('kube-system', 'svclb-traefik', 'a1', { hostPorts: [443] }))
    expect(staleHostPorts.judge(evidence).diagnosis?.confidence).toBe('certain')
  })

  test('a containerd that says nothing leaves it unknown', () => {
    const evidence = causes.staleHostPorts()
    nodeOf(evidence, 'a1').sandboxes = null
    expect(staleHostPorts.judge(evidence)).toEqual({
      diagnosis: null,
      notMeasured: ['stale host ports on a1: its containerd did not say what runs'],
    })
  })
})

describe('two backends', () => {
  test('surer when writers differ and connections fail', () => {
    const evidence = causes.twoBackends()
    evidence.signals.s1?.iptables.push({ where: 'kube-system/x', version: '1.8.4', backend: 'legacy' })
    expect(twoBackends.judge(evidence).diagnosis?.confidence).toBe('likely')
    evidence.series.push(series({ from: 'a/b', fromNode: 's1', to: 'c/d', toNode: 's2' }, refused))
    expect(twoBackends.judge(evidence).diagnosis?.confidence).toBe('certain')
  })

  test("empty chains, as the kubelet's canaries are, and rules of others do not count", () => {
    const evidence = causes.twoBackends()
    for (const rules of [
      '*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n',
      '*filter\n:DOCKER - [0:0]\n-A DOCKER -j RETURN\nCOMMIT\n',
    ]) {
      nodeOf(evidence, 's1').netfilter.rulesets['ip-legacy'] = rules
      expect(twoBackends.judge(evidence).diagnosis).toBeNull()
    }
  })
})

describe('tunnels', () => {
  test('on ports of their own, both up: no clash', () => {
    const evidence = causes.vxlanPortClash()
    const link = nodeOf(evidence, 's2').network.links.find(({ name }) => name === 'cilium_vxlan')
    if (link) Object.assign(link, { up: true, vxlanPort: 8473 })
    expect(vxlanPortClash.judge(evidence).diagnosis).toBeNull()
  })

  test('DOWN with nobody beside it: possible', () => {
    const evidence = causes.vxlanPortClash()
    nodeOf(evidence, 's2').network.links = nodeOf(evidence, 's2').network.links.filter(
      ({ name }) => name !== 'flannel.1',
    )
    expect(vxlanPortClash.judge(evidence).diagnosis?.confidence).toBe('possible')
  })
})

describe('unmanaged pods', () => {
  test('an endpoint of Cilium with the address is enough, whatever the range', () => {
    const evidence = causes.unmanagedPods()
    evidence.facts.kube.cilium.endpoints = [{ namespace: 'shop', name: 'web', ip: '10.42.1.7', state: 'ready' }]
    expect(unmanagedPods.judge(evidence).diagnosis).toBeNull()
  })

  test('what ended, and what is on the host network, is on no CNI anyway', () => {
    const evidence = causes.unmanagedPods()
    for (const one of evidence.facts.kube.pods) if (one.ip === '10.42.1.7') one.phase = 'Succeeded'
    expect(unmanagedPods.judge(evidence).diagnosis).toBeNull()
  })

  test('a pod that has just been made may still get its endpoint', () => {
    const evidence = causes.unmanagedPods()
    for (const one of evidence.facts.kube.pods) one.startedMs = Date.parse(evidence.facts.readAt) - 60_000
    expect(unmanagedPods.judge(evidence).diagnosis).toBeNull()
  })

  test('of a CNI that is not known here nothing is said, and that is said', () => {
    const evidence = causes.unmanagedPods()
    evidence.facts.kube.cilium.daemonSet = null
    expect(unmanagedPods.judge(evidence).notMeasured).toHaveLength(1)
  })
})
