import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { meantForHostNetwork } from '../../src/diagnosis/host-network-policies.ts'
import { hostNetworkTarpit } from '../../src/diagnosis/host-network-tarpit.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { policyVerdict } from '../../src/probes/policy-verdict.ts'
import { tarpit } from './support/causes.ts'
import { attempts, healthy, nodeOf, pod, works } from './support/evidence.ts'

const judge = hostNetworkTarpit.judge

test('by node and by backend: who reaches whom, and how long requests take', () => {
  const { diagnosis } = judge(tarpit())
  expect(diagnosis?.confidence).toBe('certain')
  expect(diagnosis?.details?.[0]?.rows).toEqual([
    ['s1', '0', '-', '240 of 240', '120', '90 %', '5150 ms'],
    ['s2', '1', '0 of 120', '120 of 120', '120', '50 %', '5150 ms'],
  ])
  expect(diagnosis?.points[3]?.figure).toBe('110 ms or 5150 ms, of 240 requests')
})

test('without requests through the proxies it is likely; without backends probed from their nodes it is inferred from times', () => {
  const evidence = tarpit()
  const direct = { ...evidence, series: evidence.series.filter(({ sort }) => sort !== 'host-port') }
  expect(judge(direct).diagnosis?.confidence).toBe('likely')
  const entries = { ...evidence, series: evidence.series.filter(({ to }) => !to.startsWith('securek8s/')) }
  expect(judge(entries).diagnosis?.confidence).toBe('possible')
})

describe('it is not named', () => {
  test('when their nodes reach the backends: something else lets them in', () => {
    const evidence = tarpit()
    for (const one of evidence.series) if (one.to.startsWith('securek8s/')) one.attempts = attempts(works)
    expect(judge(evidence).diagnosis).toBeNull()
  })

  test('when nothing of its path was probed; that is said', () => {
    const evidence = { ...tarpit(), series: healthy().series }
    expect(judge(evidence)).toEqual({
      diagnosis: null,
      notMeasured: ['what securek8s/allow-ingress does to hostNetwork pods: no such pair was probed'],
    })
  })

  test('when the selector names another pod as well', () => {
    const evidence = tarpit()
    evidence.facts.kube.pods.push(pod('ingress-nginx', 'default-backend', 's3'))
    expect(judge(evidence).diagnosis).toBeNull()
  })
})

test('selectors for hostNetwork pods: those of Jobs do not count, an ipBlock names nobody', () => {
  const evidence = tarpit()
  const [rule, ...others] = meantForHostNetwork(evidence)
  expect(others).toEqual([])
  expect(rule?.policy.name).toBe('allow-ingress')
  expect(rule?.sources.map(({ name }) => name)).toEqual(['controller-s1', 'controller-s2'])
  expect(meantForHostNetwork(healthy())).toEqual([])
})

describe('the fixes', () => {
  const evidence = tarpit()
  nodeOf(evidence, 's1').network.links.push({
    name: 'flannel.1',
    kind: 'vxlan',
    up: true,
    mtu: 1450,
    master: null,
    vxlanPort: 8472,
    addresses: ['10.42.0.0/32', 'fe80::1/64'],
  })
  const { kube } = evidence.facts
  const advice = judge(evidence).diagnosis?.advice ?? []
  const manifests = advice.flatMap(({ manifest }) => (manifest === undefined ? [] : [parse(manifest)]))
  const backend = kube.pods.find(({ name }) => name === 'web-2') ?? pod('', '', '')
  const allowed = (policies: typeof kube.policies, addresses: string[], by: 'kube-router' | 'cilium') =>
    policyVerdict(
      { ...kube, policies },
      {
        from: { kind: 'node', name: 's1', addresses },
        to: { kind: 'pod', pod: backend },
        port: 8080,
        protocol: 'TCP',
      },
      by,
    ).allowed
  const withManifest = (index: number) => [
    ...kube.policies,
    { namespace: 'securek8s', name: 'fix', spec: policySpecSchema.parse(manifests[index]?.spec) },
  ]
  const own = '192.168.77.11'
  const ofTunnel = '10.42.0.0'

  test('before: whichever address the node sends from, it is denied', () => {
    for (const address of [own, ofTunnel]) expect(allowed(kube.policies, [address], 'kube-router')).toBe(false)
  })

  test('1: any source, under both', () => {
    expect(allowed(withManifest(0), [own], 'kube-router')).toBe(true)
    expect(allowed(withManifest(0), [own], 'cilium')).toBe(true)
  })

  test("2: the node's address and that of its tunnel, under kube-router; not under Cilium, and the advice says so", () => {
    for (const address of [own, ofTunnel]) expect(allowed(withManifest(1), [address], 'kube-router')).toBe(true)
    expect(allowed(withManifest(1), [own], 'cilium')).toBe(false)
    expect(advice[1]?.warning).toContain('Cilium does not match nodes by ipBlock')
  })

  test("3: that Cilium alone solves it is contradicted; its policy names entities and the policy's ports", () => {
    expect(advice[2]?.text).toContain('does not solve this by itself')
    expect(manifests[2]).toMatchObject({
      kind: 'CiliumNetworkPolicy',
      spec: {
        endpointSelector: { matchLabels: { component: 'web' } },
        ingress: [{ fromEntities: ['host', 'remote-node'], toPorts: [{ ports: [{ port: '8080', protocol: 'TCP' }] }] }],
      },
    })
  })
})
