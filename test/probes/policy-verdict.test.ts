import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Facts } from '../../src/facts/facts.ts'
import { namespace, pod, podFacts, policy } from '../../src/facts/kube-objects.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { type End, type Flow, policyVerdict } from '../../src/probes/policy-verdict.ts'

type Kube = Pick<Facts['kube'], 'policies' | 'namespaces' | 'pods'>

describe('as recorded', () => {
  const text = (name: string) =>
    readFileSync(new URL(`../fixtures/k3s-1.21.3/A-running/${name}`, import.meta.url), 'utf8')
  const items = <S extends z.ZodType>(name: string, schema: S) =>
    z.object({ items: z.array(schema) }).parse(parse(text(`kube/${name}.yaml`))).items
  const kube: Kube = {
    policies: items('netpol', policy).map(({ metadata, spec }) => ({ ...metadata, spec })),
    namespaces: items('ns', namespace).map(({ metadata: { name, labels } }) => ({ name, labels })),
    pods: items('pods', pod).map(podFacts),
  }
  // `data/cli-896c755b-ts7sf(k2) -> data/web-7b8c9b7f6d-flsrj(k3) 8080 ok 1.0`
  const lines = text('tcp-matrix.txt').trim().split('\n')

  const find = (name: string): End => {
    const found = kube.pods.find((one) => `${one.namespace}/${one.name}` === name)
    if (!found) throw new Error(`no pod ${name}`)
    return { kind: 'pod', pod: found }
  }
  const parsed = lines.map((line) => {
    const [, from = '', to = '', port, outcome] = /^(\S+)\(\w+\) -> (\S+)\(\w+\) (\d+) (\w+)/.exec(line) ?? []
    return { line, flow: { from: find(from), to: find(to), port: Number(port), protocol: 'TCP' as const }, outcome }
  })

  test('every pair of the recorded matrix worked exactly when the 60 policies say so', () => {
    const wrong = parsed.filter(({ flow, outcome }) => policyVerdict(kube, flow).allowed !== (outcome === 'ok'))
    expect(wrong.map(({ line }) => line)).toEqual([])
    expect(parsed).toHaveLength(612)
    expect(parsed.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(200)
  })

  test('twenty of them work only because kube-router runs a policy of both types in both directions', () => {
    const strict = {
      ...kube,
      // The same words, said twice: a policy for each direction.
      policies: kube.policies.flatMap((one) => {
        const types = one.spec.policyTypes ?? ['Ingress']
        return types.map((type) => ({ ...one, spec: { ...one.spec, policyTypes: [type] } }))
      }),
    }
    const wrong = parsed.filter(({ flow, outcome }) => policyVerdict(strict, flow).allowed !== (outcome === 'ok'))
    expect(wrong).toHaveLength(20)
    expect(wrong.every(({ line }) => /^(\w+)\/web-.* -> \1\/web-.* ok /.test(line))).toBe(true)
  })
})

const podOf = (namespace: string, app: string, node = 'n1', over: object = {}) => ({
  namespace,
  name: app,
  uid: `${namespace}/${app}`,
  node,
  phase: 'Running',
  ip: '10.42.0.7',
  hostNetwork: false,
  ready: true,
  owner: null,
  labels: { app },
  ports: [8080],
  hostPorts: [],
  containerPorts: [
    { name: 'web', port: 8080, protocol: 'TCP', hostPort: null },
    { name: 'dns', port: 53, protocol: 'UDP', hostPort: null },
  ],
  waiting: null,
  restarts: 0,
  startedMs: null,
  ...over,
})
const kubeWith = (...specs: object[]) => ({
  policies: specs.map((spec, index) => ({ namespace: 'shop', name: `p${index}`, spec: policySpecSchema.parse(spec) })),
  namespaces: [
    { name: 'shop', labels: { team: 'a' } },
    { name: 'pay', labels: { team: 'b' } },
    { name: 'constructor', labels: {} },
  ],
})
const web: End = { kind: 'pod', pod: podOf('shop', 'web') }
const cli: End = { kind: 'pod', pod: podOf('shop', 'cli') }
const payCli: End = { kind: 'pod', pod: podOf('pay', 'cli') }
const hostPod: End = { kind: 'pod', pod: podOf('pay', 'cli', 'n2', { hostNetwork: true, ip: '192.0.2.2' }) }
const address = (text: string): End => ({ kind: 'address', address: text })
const nodeEnd = (name: string, ...addresses: string[]): End => ({ kind: 'node', name, addresses })
const flow = (from: End, to: End, port = 8080, protocol: Flow['protocol'] = 'TCP'): Flow => ({
  ...{ from, to, port, protocol },
})
const ingress = (...rules: object[]) => ({ podSelector: { matchLabels: { app: 'web' } }, ingress: rules })
const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } })
const team = (name: string) => ({ namespaceSelector: { matchLabels: { team: name } } })

test.each<[string, object[], Flow, boolean | null]>([
  ['no policy at all', [], flow(cli, web), true],
  ['a policy of another pod', [{ podSelector: { matchLabels: { app: 'x' } } }], flow(cli, web), true],
  ['a policy of another namespace selects nobody here', [{ podSelector: {} }], flow(cli, payCli), true],
  ['selected and no rule', [ingress()], flow(cli, web), false],
  ['an empty rule is everything', [ingress({})], flow(cli, web), true],
  ['an empty list of peers is everybody', [ingress({ from: [] })], flow(address('8.8.8.8'), web), true],
  ['what any policy lets in is let in', [ingress(), ingress({ from: [app('cli')] })], flow(cli, web), true],
  ['a podSelector alone means the own namespace', [ingress({ from: [app('cli')] })], flow(payCli, web), false],
  ['an empty podSelector: all of the own namespace', [ingress({ from: [{ podSelector: {} }] })], flow(cli, web), true],
  [
    'an empty podSelector: none of another namespace',
    [ingress({ from: [{ podSelector: {} }] })],
    flow(payCli, web),
    false,
  ],
  ['a namespaceSelector alone: all of those', [ingress({ from: [team('b')] })], flow(payCli, web), true],
  ['an empty namespaceSelector: all pods', [ingress({ from: [{ namespaceSelector: {} }] })], flow(payCli, web), true],
  [
    'an empty namespaceSelector: no address that is no pod',
    [ingress({ from: [{ namespaceSelector: {} }] })],
    flow(address('8.8.8.8'), web),
    false,
  ],
  ['both in one peer: both must match', [ingress({ from: [{ ...team('b'), ...app('x') }] })], flow(payCli, web), false],
  ['both in one peer, both match', [ingress({ from: [{ ...team('b'), ...app('cli') }] })], flow(payCli, web), true],
  ['in two peers: one is enough', [ingress({ from: [team('b'), app('x')] })], flow(payCli, web), true],
  ['a port that is listed', [ingress({ ports: [{ port: 8080 }] })], flow(cli, web), true],
  ['a port that is not', [ingress({ ports: [{ port: 81 }] })], flow(cli, web), false],
  ['another protocol', [ingress({ ports: [{ port: 8080, protocol: 'UDP' }] })], flow(cli, web), false],
  ['a protocol without port: all its ports', [ingress({ ports: [{ protocol: 'TCP' }] })], flow(cli, web), true],
  ['a protocol that is left out is TCP', [ingress({ ports: [{ port: 53 }] })], flow(cli, web, 53, 'UDP'), false],
  ['inside of a range', [ingress({ ports: [{ port: 8000, endPort: 8080 }] })], flow(cli, web), true],
  ['outside of a range', [ingress({ ports: [{ port: 8000, endPort: 8079 }] })], flow(cli, web), false],
  ['a named port of the destination', [ingress({ ports: [{ port: 'web' }] })], flow(cli, web), true],
  ['a named port with another number', [ingress({ ports: [{ port: 'web' }] })], flow(cli, web, 81), false],
  ['a named port of another protocol', [ingress({ ports: [{ port: 'dns' }] })], flow(cli, web, 53), false],
  ['a named UDP port', [ingress({ ports: [{ port: 'dns', protocol: 'UDP' }] })], flow(cli, web, 53, 'UDP'), true],
  [
    'an ipBlock',
    [ingress({ from: [{ ipBlock: { cidr: '203.0.113.0/24' } }] })],
    flow(address('203.0.113.9'), web),
    true,
  ],
  [
    'its exception',
    [ingress({ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.8/29'] } }] })],
    flow(address('203.0.113.9'), web),
    false,
  ],
  [
    'an exception of one block does not bind another',
    [
      ingress({
        from: [
          { ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.8/29'] } },
          { ipBlock: { cidr: '203.0.0.0/16' } },
        ],
      }),
    ],
    flow(address('203.0.113.9'), web),
    true,
  ],
  [
    'an ipBlock of the other family',
    [ingress({ from: [{ ipBlock: { cidr: '::/0' } }] })],
    flow(address('8.8.8.8'), web),
    false,
  ],
  ['IPv6', [ingress({ from: [{ ipBlock: { cidr: 'fd00::/8' } }] })], flow(address('fd00::7'), web), true],
  ["the pod's own node, whatever they say", [ingress()], flow(nodeEnd('n1', '192.0.2.1'), web), true],
  [
    'another node has no labels',
    [ingress({ from: [{ namespaceSelector: {} }] })],
    flow(nodeEnd('n2', '192.0.2.2'), web),
    false,
  ],
  [
    'another node by its address',
    [ingress({ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] })],
    flow(nodeEnd('n2', '192.0.2.2'), web),
    true,
  ],
  [
    'another node, one of whose addresses is meant',
    [ingress({ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] })],
    flow(nodeEnd('n2', '192.0.2.2', '10.42.1.0'), web),
    null,
  ],
  ['a hostNetwork pod has no labels (seed 003)', [ingress({ from: [team('b')] })], flow(hostPod, web), false],
  ['nobody selects a hostNetwork pod', [{ podSelector: {} }], flow(cli, hostPod), true],
  ['egress when a rule is there', [{ podSelector: {}, egress: [{ to: [team('b')] }] }], flow(web, payCli), true],
  [
    'egress when a rule is there, to others',
    [{ podSelector: {}, egress: [{ to: [team('b')] }] }],
    flow(web, cli),
    false,
  ],
  ['only Ingress without egress rules', [{ podSelector: {} }], flow(web, payCli), true],
  [
    'policyTypes win over the rules that are there',
    [{ podSelector: {}, policyTypes: ['Ingress'], egress: [{ to: [app('x')] }] }],
    flow(web, payCli),
    true,
  ],
  ['Egress alone does not close ingress', [{ podSelector: {}, policyTypes: ['Egress'] }], flow(payCli, web), true],
  [
    'egress denied, ingress allowed',
    [{ podSelector: {}, policyTypes: ['Egress'] }, ingress({})],
    flow(cli, web),
    false,
  ],
  [
    'egress to a named port of the peer',
    [{ podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'web' }] }] }],
    flow(web, payCli),
    true,
  ],
  [
    'a named port of an address is none',
    [{ podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'web' }] }] }],
    flow(web, address('8.8.8.8')),
    false,
  ],
])('%s', (_what, specs, asked, allowed) => {
  expect(policyVerdict(kubeWith(...specs), asked).allowed).toBe(allowed)
})

test.each([
  ['In', ['web'], true],
  ['In', ['x'], false],
  ['NotIn', ['web'], false],
  ['NotIn', ['x'], true],
  ['Exists', [], true],
  ['DoesNotExist', [], false],
  ['Gt', ['0'], false],
])('the expression app %s %s selects: %s', (operator, values, selected) => {
  const kube = kubeWith({ podSelector: { matchExpressions: [{ key: 'app', operator, values }] } })
  expect(policyVerdict(kube, flow(cli, web)).toSelected).toBe(selected)
})

test('a label named like what every object has is not there', () => {
  const kube = kubeWith({ podSelector: { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] } })
  expect(policyVerdict(kube, flow(cli, web)).toSelected).toBe(false)
})

test('an ipBlock holds pods and nodes for kube-router, and only others for Cilium (facts 6.1)', () => {
  const kube = kubeWith(ingress({ from: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }))
  for (const from of [cli, nodeEnd('n2', '192.0.2.2')]) {
    expect(policyVerdict(kube, flow(from, web)).allowed).toBe(true)
    expect(policyVerdict(kube, flow(from, web), 'cilium').allowed).toBe(false)
  }
  expect(policyVerdict(kube, flow(address('8.8.8.8'), web), 'cilium').allowed).toBe(true)
})

describe('of any policies', () => {
  const peer = fc.oneof(
    fc.constantFrom('cli', 'web', 'x').map(app),
    fc.constantFrom('a', 'b').map(team),
    fc.constantFrom('10.42.0.0/16', '0.0.0.0/0', '192.0.2.0/24').map((cidr) => ({ ipBlock: { cidr } })),
  )
  const rule = fc.record({
    from: fc.array(peer, { maxLength: 3 }),
    to: fc.array(peer, { maxLength: 3 }),
    ports: fc.array(fc.record({ port: fc.constantFrom(8080, 81, 'web') }), { maxLength: 2 }),
  })
  const spec = fc.record(
    {
      podSelector: fc.constantFrom({}, { matchLabels: { app: 'web' } }, { matchLabels: { app: 'cli' } }),
      policyTypes: fc.subarray(['Ingress', 'Egress']),
      ingress: fc.array(rule, { maxLength: 3 }),
      egress: fc.array(rule, { maxLength: 3 }),
    },
    { requiredKeys: ['podSelector'] },
  )
  const ends = fc.constantFrom(web, cli, payCli, address('8.8.8.8'), nodeEnd('n2', '192.0.2.2'))
  const anything = fc.tuple(fc.array(spec, { maxLength: 6 }), ends, ends)

  test('their order makes no difference', () => {
    fc.assert(
      fc.property(anything, ([specs, from, to]) => {
        const [there, back] = [kubeWith(...specs), kubeWith(...specs.toReversed())]
        expect(policyVerdict(back, flow(from, to))).toEqual(policyVerdict(there, flow(from, to)))
      }),
    )
  })

  test('who is selected in neither direction is not denied; who is denied is selected', () => {
    fc.assert(
      fc.property(anything, ([specs, from, to]) => {
        const { allowed, fromSelected, toSelected } = policyVerdict(kubeWith(...specs), flow(from, to))
        if (!fromSelected && !toSelected) expect(allowed).toBe(true)
      }),
    )
  })

  test('one more rule never forbids what was allowed; a policy without rules never allows what was not', () => {
    fc.assert(
      fc.property(anything, rule, ([specs, from, to], more) => {
        const of = (list: object[]) => policyVerdict(kubeWith(...list), flow(from, to)).allowed
        const open = specs.map((one) => ({
          ...one,
          policyTypes: one.policyTypes ?? ((one.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']),
          ingress: [...(one.ingress ?? []), more],
          egress: [...(one.egress ?? []), more],
        }))
        if (of(specs)) expect(of(open)).toBe(true)
        if (!of(specs)) expect(of([...specs, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }])).toBe(false)
      }),
    )
  })
})
