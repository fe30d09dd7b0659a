import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Facts } from '../../src/facts/facts.ts'
import { namespace, pod, podFacts, policy } from '../../src/facts/kube-objects.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { changedPolicies } from '../../src/operations/changed-flows.ts'
import { policiesSame } from '../../src/operations/checks/policies-same.ts'
import { webhooksReachable } from '../../src/operations/checks/webhooks-reachable.ts'
import { someFacts, someInventory } from './some-facts.ts'

type Pod = Facts['kube']['pods'][number]

/** A shop with clients elsewhere, one pod of each on s1 and s2; and these policies of its. */
function shop(...policies: object[]): Facts {
  const facts = structuredClone(someFacts())
  const of = (ns: string, app: string, index: number): Pod => ({
    ...(facts.kube.pods[0] as Pod),
    namespace: ns,
    name: `${app}-abc-${index}`,
    owner: `ReplicaSet/${app}-abc`,
    node: `s${index}`,
    ip: `10.42.${index - 1}.${app.length}`,
    labels: { app, 'pod-template-hash': 'abc' },
    ports: [8080],
    containerPorts: [{ name: 'web', port: 8080, protocol: 'TCP', hostPort: null }],
  })
  facts.kube.pods = [of('shop', 'web', 1), of('shop', 'web', 2), of('pay', 'client', 1), of('pay', 'client', 2)]
  facts.kube.namespaces.push({ name: 'pay', labels: { team: 'pay' } })
  facts.kube.policies = policies.map((spec, index) => ({
    namespace: 'shop',
    name: `p${index}`,
    spec: policySpecSchema.parse({ podSelector: { matchLabels: { app: 'web' } }, ...spec }),
  }))
  return facts
}
const from = (...peers: object[]) => ({ policyTypes: ['Ingress'], ingress: [{ from: peers }] })
const block = (cidr: string, except: string[] = []) => ({ ipBlock: { cidr, except } })

describe('ranges', () => {
  test('of pods: those let in by it are named by what owns them, once for all replicas', () => {
    const [one, ...rest] = changedPolicies(shop(from(block('10.42.0.0/16'))), true)
    expect(rest).toEqual([])
    expect(one).toMatchObject({
      policy: 'shop/p0',
      causes: ['ip-block'],
      ranges: ['10.42.0.0/16'],
      lost: ['pay/client -> shop/web:8080/tcp', 'shop/web -> shop/web:8080/tcp'],
    })
  })

  test('of one replica alone: only it', () => {
    const [one] = changedPolicies(shop(from(block('10.42.0.6/32'))), true)
    expect(one?.lost).toEqual(['pay/client -> shop/web:8080/tcp'])
  })

  test('what another policy lets in as well is not lost', () => {
    const [one] = changedPolicies(shop(from(block('10.42.0.0/16')), from({ namespaceSelector: {} })), true)
    expect(one).toMatchObject({ policy: 'shop/p0', lost: [] })
    expect(one?.unharmed).toBeGreaterThan(0)
  })

  test('of nodes: lost, unless Cilium is told to let ranges match nodes; and Services by which they come are named', () => {
    const facts = shop(from(block('192.168.77.0/24')))
    facts.kube.services.push({
      namespace: 'shop',
      name: 'web',
      type: 'NodePort',
      clusterIp: null,
      ports: [],
      selector: { app: 'web' },
    })
    expect(changedPolicies(facts, false)).toMatchObject([
      { lost: ['nodes -> shop/web:8080/tcp'], exposedBy: ['shop/web'] },
    ])
    expect(changedPolicies(facts, true)).toEqual([])
  })

  test('of the API: egress to it is lost', () => {
    const facts = shop({
      policyTypes: ['Egress'],
      egress: [{ to: [block('192.168.77.11/32')], ports: [{ port: 6443 }] }],
    })
    expect(changedPolicies(facts, false)).toMatchObject([{ lost: ['shop/web -> the API servers:6443/tcp'] }])
  })

  test('of everything, with the cluster taken out, or of somewhere else: the same', () => {
    const out = block('0.0.0.0/0', ['10.0.0.0/8', '192.168.0.0/16'])
    expect(changedPolicies(shop(from(out, block('203.0.113.0/24')), from({ podSelector: {} })), false)).toEqual([])
    expect(changedPolicies(shop(from(block('0.0.0.0/0'))), false)).toMatchObject([{ causes: ['ip-block'] }])
  })

  test('of a policy that selects nothing now: told, because it will', () => {
    const facts = shop({ podSelector: { matchLabels: { app: 'later' } }, ...from(block('10.42.0.0/16')) })
    expect(changedPolicies(facts, false)).toMatchObject([{ selectsNothing: true, lost: [] }])
  })
})

test('a rule that kube-router reads in both directions, and nobody else does', () => {
  const facts = shop({
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [{ podSelector: {} }] }],
    egress: [{ to: [{ namespaceSelector: { matchLabels: { team: 'pay' } } }] }],
  })
  expect(changedPolicies(facts, false)).toMatchObject([{ causes: ['both-directions'], ranges: [] }])
})

test('what is read is what an operator needs: name, range, who, what to do', () => {
  const [finding] = policiesSame(shop(from(block('10.42.0.0/16'))), someInventory)
  expect(finding).toMatchObject({ level: 'warns' })
  expect(finding?.detail).toMatch(
    /^shop\/p0 names 10\.42\.0\.0\/16: .* Will time out: .*pay\/client -> shop\/web:8080\/tcp/,
  )
  expect(finding?.fix).toMatch(/podSelector/)
  expect(policiesSame(shop(), someInventory)).toMatchObject([{ level: 'fine' }])
})

test('a webhook that the API servers of other nodes reach by a range alone', () => {
  const facts = shop(from(block('192.168.77.0/24')))
  facts.kube.services.push({
    namespace: 'shop',
    name: 'hook',
    type: 'ClusterIP',
    clusterIp: null,
    ports: [],
    selector: { app: 'web' },
  })
  facts.obstacles?.webhooks.push({
    kind: 'V',
    configuration: 'w',
    name: 'w.io',
    service: { namespace: 'shop', name: 'hook' },
    resources: ['x'],
  })
  expect(webhooksReachable(facts)).toMatchObject([{ level: 'blocks' }])
  facts.kube.policies = []
  expect(webhooksReachable(facts)).toMatchObject([{ level: 'fine' }])
})

describe('on the recorded cluster', () => {
  const text = (name: string) =>
    readFileSync(new URL(`../fixtures/k3s-1.21.3/A-running/kube/${name}.yaml`, import.meta.url), 'utf8')
  const items = <S extends z.ZodType>(name: string, schema: S) =>
    z.object({ items: z.array(schema) }).parse(parse(text(name))).items
  const facts = structuredClone(someFacts())
  facts.kube.policies = items('netpol', policy).map(({ metadata, spec }) => ({ ...metadata, spec }))
  facts.kube.namespaces = items('ns', namespace).map(({ metadata: { name, labels } }) => ({ name, labels }))
  facts.kube.pods = items('pods', pod).map(podFacts)

  test('the pair that Cilium 1.13.9 was seen to deny is among what is lost (measured.md, policies)', () => {
    const byRange = changedPolicies(facts, true).filter(({ causes }) => causes.includes('ip-block'))
    expect(byRange.map(({ policy: name }) => name)).toMatchInlineSnapshot(`
      [
        "data/web-both",
        "edge/web-both",
        "ops/web-both",
        "pay/web-both",
        "shop/web-both",
      ]
    `)
    expect(byRange.flatMap(({ lost }) => lost)).toMatchInlineSnapshot(`
      [
        "data/web -> data/web:8080/tcp",
        "data/web -> default/probe:8080/tcp",
        "data/web -> pay/web:8080/tcp",
        "edge/web -> data/web:8080/tcp",
        "edge/web -> default/probe:8080/tcp",
        "edge/web -> edge/web:8080/tcp",
        "ops/web -> default/probe:8080/tcp",
        "ops/web -> edge/web:8080/tcp",
        "ops/web -> ops/web:8080/tcp",
        "pay/web -> default/probe:8080/tcp",
        "pay/web -> pay/web:8080/tcp",
        "pay/web -> shop/web:8080/tcp",
        "shop/web -> default/probe:8080/tcp",
        "shop/web -> ops/web:8080/tcp",
        "shop/web -> shop/web:8080/tcp",
      ]
    `)
  })

  test('and so are those that worked only because of kube-router', () => {
    const backwards = changedPolicies(facts, true).filter(({ causes }) => causes.includes('both-directions'))
    expect(new Set(backwards.flatMap(({ lost }) => lost))).toContain('data/web -> data/web:8080/tcp')
  })
})
