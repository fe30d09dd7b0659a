import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { chooseMatrix } from '../../src/probes/matrix.ts'
import { type Answering, type MatrixPair, portsToAsk } from '../../src/probes/matrix-candidates.ts'
import { locate } from '../../src/probes/pairs.ts'
import { clusterFacts, type PodSpec } from './cluster-facts.ts'

const web = { labels: { app: 'web' } }
const pods: (PodSpec & { labels?: Record<string, string> })[] = [
  ...['n1', 'n2', 'n3'].flatMap((node, index) => [
    { namespace: 'shop', name: `web-${index}`, node, ...web },
    { namespace: 'pay', name: `cli-${index}`, node, labels: { app: 'cli' } },
    { namespace: 'open', name: `any-${index}`, node, labels: { app: 'any' } },
  ]),
  { namespace: 'kube-system', name: 'dns', node: 'n1', labels: { 'k8s-app': 'kube-dns' }, ports: [] },
]

/** Three servers; shop lets in pay alone; pay lets out to shop alone. */
function cluster(list = pods): Facts {
  const facts = clusterFacts(list)
  const kube = facts.kube
  const spec = (value: object) => policySpecSchema.parse(value)
  const peer = (name: string) => ({ namespaceSelector: { matchLabels: { name } } })
  kube.namespaces = ['shop', 'pay', 'open', 'kube-system'].map((name) => ({ name, labels: { name } }))
  kube.policies = [
    { namespace: 'shop', name: 'in', spec: spec({ podSelector: {}, ingress: [{ from: [peer('pay')] }] }) },
    {
      namespace: 'pay',
      name: 'out',
      spec: spec({ podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [peer('shop')] }] }),
    },
  ]
  kube.nodes = ['n1', 'n2', 'n3'].map((name, index) => ({ name, internalIp: `192.0.2.${index + 1}` })) as never
  for (const node of Object.values(facts.nodes)) {
    Object.assign(node, { network: { links: [] }, unit: { role: 'server' }, k3s: { flags: {} } })
  }
  kube.cilium = { daemonSet: null } as never
  const service = (namespace: string, name: string, selector: Record<string, string>, port: object) => ({
    ...{ namespace, name, type: 'ClusterIP', clusterIp: '10.43.0.9', selector },
    ports: [{ protocol: 'TCP', nodePort: null, port: 80, targetPort: 8080, ...port }],
  })
  kube.services = [
    service('shop', 'web', { app: 'web' }, {}),
    service('shop', 'nobody', { app: 'nobody' }, {}),
    service('shop', 'headless', { app: 'web' }, {}),
    service('default', 'kubernetes', {}, { port: 443, targetPort: 6443 }),
    service('kube-system', 'kube-dns', { 'k8s-app': 'kube-dns' }, { protocol: 'UDP', port: 53, targetPort: 53 }),
  ]
  Object.assign(kube.services[2] ?? {}, { clusterIp: null })
  for (const [index, pod] of kube.pods.entries()) Object.assign(pod, { labels: list[index]?.labels ?? {} })
  return facts
}
const all = (facts: Facts): Answering =>
  new Map(portsToAsk(facts).map(({ to, port }) => [`${to}:${port}`, { http: true }]))

describe('the matrix', () => {
  const facts = cluster()
  const matrix = chooseMatrix(facts, all(facts), ['203.0.113.5:443', 'example.org:443'])
  const of = (sort: string) => matrix.filter((one) => one.sort === sort)

  test('every sort, allowed and denied, with and without a policy at either end; about sixty at most', () => {
    expect(matrix.length).toBeLessThanOrEqual(70)
    expect(new Set(matrix.map(({ id }) => id)).size).toBe(matrix.length)
    for (const sort of ['same-node', 'cross-node', 'service', 'node', 'dns', 'api', 'external']) {
      expect(of(sort).length, sort).toBeGreaterThan(0)
    }
    for (const sort of ['same-node', 'cross-node', 'node']) {
      expect(new Set(of(sort).map(({ allowed }) => allowed)), sort).toEqual(new Set([true, false]))
    }
    for (const sort of ['same-node', 'cross-node']) {
      expect(new Set(of(sort).map((one) => `${one.fromSelected} ${one.toSelected}`)).size, sort).toBe(4)
    }
  })

  test('every pod is a source, and most often of something that must work', () => {
    const sources = new Set(matrix.filter(({ allowed }) => allowed !== false).map(({ from }) => from))
    for (const pod of pods) expect(sources).toContain(`${pod.namespace}/${pod.name}`)
  })

  test('what policies say is what the pairs carry', () => {
    const between = matrix.filter(({ sort }) => sort === 'same-node' || sort === 'cross-node')
    for (const one of between) {
      const [from, to] = [one.from.split('/')[0], one.to.split('/')[0]]
      expect(one.allowed, one.id).toBe((to !== 'shop' || from === 'pay') && (from !== 'pay' || to === 'shop'))
      expect([one.fromSelected, one.toSelected], one.id).toEqual([from === 'pay', to === 'shop'])
    }
    for (const one of of('node').filter(({ to }) => to.startsWith('shop/'))) {
      expect(one.allowed, one.id).toBe(one.fromNode === one.toNode)
    }
    for (const one of [...of('dns'), ...of('api')]) expect(one.allowed, one.id).toBe(!one.from.startsWith('pay/'))
  })

  test('an address outside is judged; a name only where no policy selects who asks', () => {
    for (const one of of('external')) {
      const closed = one.from.startsWith('pay/')
      const named = one.to === 'external:example.org'
      expect(one.allowed, one.id).toBe(closed ? (named ? null : false) : true)
    }
  })

  test('a Service is judged by its pods, left out without any, and is not asked by its own', () => {
    expect(new Set(of('service').map(({ to }) => to))).toEqual(new Set(['service:shop/web']))
    for (const one of of('service')) {
      expect(one.from.startsWith('shop/'), one.id).toBe(false)
      expect(one.allowed, one.id).toBe(one.from.startsWith('pay/'))
    }
  })

  test('DNS is asked for itself, for the Services among the pairs, and for a name outside', () => {
    expect(new Set(of('dns').map(({ to }) => to))).toEqual(
      new Set([
        'dns:kube-system/kube-dns',
        'dns:kube-system/kube-dns@example.org',
        'dns:kube-system/kube-dns@shop/web',
        'dns:kube-system/kube-dns@default/kubernetes',
      ]),
    )
    const asked = (to: string) =>
      [
        ...locate(
          of('dns').filter((one) => one.to === to),
          facts,
        ).values(),
      ].flat()[0]?.kind
    expect(asked('dns:kube-system/kube-dns')).toBe('dns:kube-dns.kube-system.svc.cluster.local')
    expect(asked('dns:kube-system/kube-dns@shop/web')).toBe('dns:web.shop.svc.cluster.local')
    expect(asked('dns:kube-system/kube-dns@example.org')).toBe('dns:example.org')
  })

  test('DNS that is watched again is asked for the same, judged by the policies of now', () => {
    const then = matrix.map((one) => ({ ...one, allowed: null, address: '', attempts: [] }))
    const again = chooseMatrix(facts, all(facts), [], then)
    expect(again.map(({ id, to }) => ({ id, to }))).toEqual(matrix.map(({ id, to }) => ({ id, to })))
    const dns = (list: readonly MatrixPair[]) => list.filter(({ sort }) => sort === 'dns').map(({ allowed }) => allowed)
    expect(dns(again)).toEqual(dns(matrix))
  })

  test('the API is its servers: a policy that lets out to them lets in to it', () => {
    const closed = cluster()
    const rule = { ports: [{ port: 6443 }], to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }
    closed.kube.policies.push({
      namespace: 'pay',
      name: 'api',
      spec: policySpecSchema.parse({ podSelector: {}, policyTypes: ['Egress'], egress: [rule] }),
    })
    const asked = chooseMatrix(closed, all(closed)).filter(({ sort }) => sort === 'api')
    expect(asked.every(({ allowed }) => allowed)).toBe(true)
    // For Cilium the API is no address, so an ipBlock does not hold it (facts 6.2).
    closed.kube.cilium = { daemonSet: {} } as never
    for (const node of Object.values(closed.nodes)) {
      node.k3s.flags['disable-network-policy'] = { value: 'true', from: 'config' } as never
    }
    const under = chooseMatrix(closed, all(closed)).filter(({ sort }) => sort === 'api')
    for (const one of under) expect(one.allowed, one.id).toBe(!one.from.startsWith('pay/'))
  })

  test('HTTP is asked only where it answered, and nothing where nothing listens', () => {
    const answering = new Map(all(facts))
    answering.set('shop/web-0:8080', null)
    answering.set('shop/web-1:8080', { http: false })
    const chosen = chooseMatrix(facts, answering)
    expect(chosen.some(({ to }) => to === 'shop/web-0')).toBe(false)
    // A Service with a backend that does not answer works now and then only.
    expect(chosen.some(({ to }) => to === 'service:shop/web')).toBe(false)
    for (const one of chosen.filter(({ to }) => to === 'shop/web-1')) expect(one.kind, one.id).toBe('tcp')
    for (const one of chosen.filter(({ to }) => to === 'shop/web-2')) expect(one.kind, one.id).toBe('http')
  })

  test('host ports from every other node; behind those of ServiceLB more may be judged', () => {
    const with_ = cluster()
    const ports = (hostPort: number) => [{ name: null, port: 8080, protocol: 'TCP', hostPort }]
    Object.assign(with_.kube.pods.find(({ name }) => name === 'any-0') ?? {}, { containerPorts: ports(9100) })
    const lb = with_.kube.pods.find(({ name }) => name === 'any-1')
    Object.assign(lb ?? {}, { containerPorts: ports(80), labels: { 'svccontroller.k3s.cattle.io/svcname': 'web' } })
    const chosen = chooseMatrix(with_, all(with_)).filter(({ sort }) => sort === 'host-port')
    expect(chosen.filter(({ port }) => port === 9100).map(({ from, to }) => `${from}>${to}`)).toEqual(
      expect.arrayContaining(['node:n2>host-port:n1', 'node:n3>host-port:n1']),
    )
    for (const one of chosen) expect(one.allowed, one.id).toBe(one.port === 9100 ? true : null)
  })

  test('pods of the host network: requests to them, and from their nodes to whom a policy means to let them in (seed 003)', () => {
    const labels = { labels: { app: 'ingress' } }
    const front = (node: string) => ({
      namespace: 'edge',
      name: `front-${node}`,
      node,
      hostNetwork: true,
      ports: [80],
      ...labels,
    })
    const other = { namespace: 'edge', name: 'silent-n3', node: 'n3', hostNetwork: true, ports: [9], labels: {} }
    const facts = cluster([...pods, front('n1'), front('n2'), other])
    facts.kube.namespaces.push({ name: 'edge', labels: { name: 'edge' } })
    const from = [
      { namespaceSelector: { matchLabels: { name: 'edge' } }, podSelector: { matchLabels: { app: 'ingress' } } },
    ]
    facts.kube.policies.push({
      namespace: 'shop',
      name: 'front',
      spec: policySpecSchema.parse({ podSelector: {}, ingress: [{ from }] }),
    })
    const answering = new Map(all(facts)).set('edge/silent-n3:9', null)
    const chosen = chooseMatrix(facts, answering)
    const entries = chosen.filter(({ to, port }) => to.startsWith('host-port:') && port === 80)
    expect(new Set(entries.map(({ to }) => to))).toEqual(new Set(['host-port:n1', 'host-port:n2']))
    for (const one of entries) expect(one).toMatchObject({ kind: 'http', allowed: true })
    expect(chosen.some(({ port }) => port === 9)).toBe(false)
    const meant = chosen.filter((one) => ['node:n1', 'node:n2'].includes(one.from) && one.to.startsWith('shop/'))
    // To each of its backends: on the own node it works, to the others it does not.
    for (const node of ['n1', 'n2']) {
      const mine = meant.filter(({ fromNode }) => fromNode === node)
      expect(mine.filter((one) => one.toNode === node && one.allowed === true).length, node).toBeGreaterThan(0)
      expect(mine.filter((one) => one.toNode !== node && one.allowed === false).length, node).toBeGreaterThan(0)
    }
  })

  test('the pairs of an earlier time are watched again, with what policies say now', () => {
    const facts = cluster()
    const before = chooseMatrix(facts, all(facts)).map((one) => ({ ...one, address: '10.0.0.1', attempts: [] }))
    facts.kube.policies = []
    const again = chooseMatrix(facts, all(facts), [], before)
    expect(again.map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    expect(again.every(({ allowed, fromSelected, toSelected }) => allowed && !fromSelected && !toSelected)).toBe(true)
    expect(Object.keys(again[0] ?? {}).sort()).toEqual(
      Object.keys(before[0] ?? {})
        .filter((key) => key !== 'address' && key !== 'attempts')
        .sort(),
    )
  })

  test('the order in which pods and Services are listed makes no difference', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(pods, { minLength: pods.length }), (shuffled) => {
        const other = cluster(shuffled)
        other.kube.services.reverse()
        const here = cluster()
        const plain = (list: ReturnType<typeof chooseMatrix>) => list.map(({ id, allowed }) => `${id} ${allowed}`)
        expect(plain(chooseMatrix(other, all(other)))).toEqual(plain(chooseMatrix(here, all(here))))
      }),
      { numRuns: 20 },
    )
  })
})

test('pairs of an earlier time are watched again: those and no other, with what the policies say now', () => {
  const then = chooseMatrix(cluster(), all(cluster()))
  const again = [
    ...then.map((one) => ({ ...one, address: '10.42.0.9', attempts: [] })),
    // Nothing answers there any more, or nobody is there: that is to be seen, not left out.
    { ...then[0], id: 'shop/gone>shop/web-0:8080', from: 'shop/gone', address: '10.42.0.9', attempts: [] },
  ] as Parameters<typeof chooseMatrix>[3]
  const opened = cluster()
  opened.kube.policies = []
  const now = chooseMatrix(opened, new Map([['shop/web-0:8080', null]]), [], again)
  expect(now.map(({ id }) => id)).toEqual(again?.map(({ id }) => id))
  const toOthers = now.filter(({ to }) => to.startsWith('shop/web-') && to !== 'shop/web-0')
  expect(then.some(({ id, allowed }) => allowed === false && toOthers.some((one) => one.id === id))).toBe(true)
  expect(toOthers.every(({ allowed }) => allowed)).toBe(true)
  expect(now.at(-1)).toMatchObject({ from: 'shop/gone', allowed: then[0]?.allowed })
})
