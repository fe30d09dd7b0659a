import { expect, test } from 'vitest'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { dnsPairs, hostPortPairs, policyPairs, serversToAsk } from '../../src/probes/state-pairs.ts'
import { clusterFacts } from './cluster-facts.ts'

const pods = ['s1', 's2'].flatMap((node) =>
  ['shop', 'pay'].map((namespace) => ({ namespace, name: `web-${node}`, node, ports: [8080] })),
)
const closed = { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] }

function facts(...specs: [namespace: string, spec: unknown][]) {
  const base = clusterFacts(pods)
  const policies = specs.map(([namespace, spec], at) => ({
    namespace,
    name: `p${at}`,
    spec: policySpecSchema.parse(spec),
  }))
  const nodes = ['s1', 's2'].map((name, at) => ({ name, internalIp: `192.0.2.${at + 1}` }))
  const namespaces = ['shop', 'pay', 'kube-system'].map((name) => ({
    name,
    labels: { 'kubernetes.io/metadata.name': name },
  }))
  const services = base.kube.services.map((one) => ({ ...one, selector: { 'k8s-app': 'kube-dns' } }))
  const dns = {
    ...base.kube.pods[0],
    namespace: 'kube-system',
    name: 'dns',
    node: 's1',
    labels: { 'k8s-app': 'kube-dns' },
  }
  // Only what is looked at is there.
  return {
    ...base,
    kube: {
      ...base.kube,
      nodes,
      namespaces,
      services,
      policies,
      pods: [...base.kube.pods, dns],
      cilium: { config: {} },
    },
  } as unknown as typeof base
}
const all = new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`))

test('every pod that answers is met by those whom policies allow and those whom they deny', () => {
  const pairs = policyPairs(facts(['shop', closed]), all)
  for (const node of ['s1', 's2']) {
    const to = pairs.filter((one) => one.to === `shop/web-${node}`)
    expect(to.some(({ allowed, from }) => allowed && from.startsWith('shop/'))).toBe(true)
    expect(to.some(({ allowed }) => !allowed)).toBe(true)
    expect(to.every(({ allowed, from }) => allowed === from.startsWith('shop/'))).toBe(true)
  }
  expect(pairs.filter(({ to }) => to.startsWith('pay/')).every(({ allowed }) => allowed)).toBe(true)
  expect(new Set(pairs.map(({ id }) => id)).size).toBe(pairs.length)
})

test('pods that do not answer even to their own node are left out', () => {
  const pairs = policyPairs(facts(), new Set(['shop/web-s1']))
  expect(new Set(pairs.map(({ to }) => to))).toEqual(new Set(['shop/web-s1']))
  expect(serversToAsk(facts()).map(({ id }) => id)).toContain('node:s1>shop/web-s1:8080')
})

test("an ipBlock of pods: what kube-router read in it is kept beside Cilium's reading", () => {
  const block = { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.42.0.0/16' } }] }] }
  const [one] = policyPairs(facts(['shop', block]), all).filter(
    ({ from, to }) => from.startsWith('pay/') && to.startsWith('shop/'),
  )
  expect(one).toMatchObject({ allowed: false, allowedBefore: true })
})

test('DNS of every namespace, and whether its egress policies let it through', () => {
  const pairs = dnsPairs(facts(['pay', { podSelector: {}, policyTypes: ['Egress'] }]))
  const of = (namespace: string) => pairs.filter(({ from }) => from.startsWith(`${namespace}/`))
  expect(of('shop').map(({ allowed, kind }) => [allowed, kind])).toEqual([
    [true, 'dns'],
    [true, 'dns'],
  ])
  expect(of('pay').every(({ allowed }) => !allowed)).toBe(true)
})

test('host ports are tried from another node, beside the pod itself', () => {
  const base = facts()
  const [pod, ...rest] = base.kube.pods
  if (!pod) throw new Error('no pod')
  const containerPorts = [{ name: null, port: 8080, protocol: 'TCP', hostPort: 9100 }]
  const withPort = { ...base, kube: { ...base.kube, pods: [{ ...pod, containerPorts }, ...rest] } }
  expect(hostPortPairs(withPort)).toEqual([
    expect.objectContaining({
      id: 'node:s2>host-port:s1:9100',
      fromNode: 's2',
      toNode: 's1',
      pod: 'shop/web-s1',
      direct: expect.objectContaining({ id: 'node:s2>shop/web-s1:8080' }),
    }),
  ])
})
