import { describe, expect, it } from 'vitest'
import { flannelToCiliumLive } from '../../runbooks/k3s-flannel-to-cilium-live.ts'
import { waves } from '../../runbooks/steps/waves.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import type { PoliciesMeanwhile } from '../../src/operations/cilium-values.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

const runbook = flannelToCiliumLive(someInventory)
const params: { policies: PoliciesMeanwhile } = { policies: 'open' }
const meta = { id: 'p', createdAt: '2026-11-22T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (policies = params.policies) => plan(runbook, { policies }, someFacts(), meta)
const ids = () => planned().steps.map(({ stepId }) => stepId)
const before = (first: string, then: string) => expect(ids().indexOf(first)).toBeLessThan(ids().indexOf(then))

it('finds nothing that blocks on a whole cluster', () => {
  expect(planned().findings.filter((finding) => finding.level !== 'fine')).toEqual([])
})

it('is refused until somebody says what is to be with policies meanwhile', () => {
  expect(() => plan(runbook, {}, someFacts(), meta)).toThrow(/so choose. --policies open: .* --policies closed: /)
})

it('says which parameter it does not know', () => {
  expect(() => plan(runbook, { ...params, order: 'seed' }, someFacts(), meta)).toThrow(/parameters of .*order/s)
})

const flagsSet = (flags: Record<string, string>) => {
  const facts = someFacts()
  for (const { k3s } of Object.values(facts.nodes))
    for (const [key, value] of Object.entries(flags)) k3s.flags[key] = { value, from: '/etc/rancher/k3s/config.yaml' }
  return plan(runbook, params, facts, meta)
    .steps.filter(({ tasks }) => tasks.length > 0)
    .map(({ stepId }) => stepId)
}

it('planned anew, K3s is restarted only for flags that are not set yet', () => {
  const half = flagsSet({ 'disable-network-policy': 'true' })
  expect(half.filter((id) => id.startsWith('policies-off'))).toEqual([])
  expect(half).toContain('flannel-off-servers')
  const late = flagsSet({ 'disable-network-policy': 'true', 'flannel-backend': 'none' })
  expect(late.filter((id) => /^(policies-off|flannel-off|cordon|on-cilium|uncordon)/.test(id))).toEqual([])
  // Pods that were not moved yet still are.
  expect(late).toEqual(expect.arrayContaining(['pods-1', 'kube-router-rules', 'policies-on']))
})

it('kube-router is gone everywhere before the first node moves, and Cilium enforces only after the last one', () => {
  before('policies-off-agents', 'kube-router-rules')
  before('kube-router-rules', 'on-cilium-1')
  before('pods-3', 'policies-on')
})

it('flannel goes only when no pod is left on it, and the point of no return is named where it does', () => {
  before('moved-3', 'flannel-off-flags')
  before('cilium-everywhere', 'flannel-off-servers')
  const { steps } = planned()
  expect(steps.flatMap(({ stepId, pointOfNoReturn }) => (pointOfNoReturn ? [stepId] : []))).toEqual([
    'flannel-off-flags',
  ])
})

it('going back, flags are back before K3s is restarted, servers before agents', () => {
  for (const id of ['policies-off', 'flannel-off']) {
    const back = ids().toReversed()
    const at = (step: string) => back.indexOf(`${id}-${step}`)
    expect(at('flags')).toBeLessThan(at('servers-back'))
    expect(at('servers-back')).toBeLessThan(at('agents-back'))
  }
})

it('going back, a node is flannel’s again before its pods are moved', () => {
  const back = ids().toReversed()
  expect(back.indexOf('on-cilium-2')).toBeLessThan(back.indexOf('pods-way-back-2'))
})

it('who was cordoned before stays so', () => {
  const facts = someFacts()
  for (const node of facts.kube.nodes) node.unschedulable = node.name === 's1'
  const { steps } = plan(runbook, params, facts, meta)
  const cordoned = steps.filter(({ operation }) => operation === 'node.cordoned')
  expect(cordoned.flatMap(({ tasks }) => tasks.map(({ target }) => target))).toEqual([
    'a1',
    'a1',
    's2',
    's2',
    's3',
    's3',
  ])
})

it('says from which step on what stands open', () => {
  expect(planned().steps.flatMap(({ stepId, exposure }) => (exposure ? [stepId] : []))).toEqual([
    'kube-router-rules',
    'policies-on',
  ])
})

describe('policies closed', () => {
  const { steps } = planned('closed')
  const at = (id: string) => steps.findIndex(({ stepId }) => stepId === id)

  it('kube-router’s rules stay on a node until its pods are Cilium’s', () => {
    expect(at('kube-router-rules')).toBe(-1)
    for (const wave of [1, 2, 3, 4]) {
      expect(at(`pods-${wave}`)).toBeLessThan(at(`kube-router-rules-${wave}`))
      expect(at(`kube-router-rules-${wave}`)).toBeLessThan(at(`moved-${wave}`))
    }
    const purged = steps.filter(({ stepId }) => stepId.startsWith('kube-router-rules'))
    expect(purged.map(({ tasks }) => tasks.map(({ target }) => target))).toEqual([['a1'], ['s1'], ['s2'], ['s3']])
  })

  it('what is kept from pods that have moved is so before the first has, and until its own node has moved', () => {
    expect(at('policies-off-agents')).toBeLessThan(at('egress-closed'))
    expect(at('egress-closed')).toBeLessThan(at('on-cilium-1'))
    for (const wave of [1, 2, 3, 4]) expect(at(`pods-${wave}`)).toBeLessThan(at(`egress-open-${wave}`))
    expect(planned().steps.filter(({ stepId }) => stepId.startsWith('egress'))).toEqual([])
  })

  it('Cilium enforces from the first pod on, without flannel too', () => {
    const enforcement = (id: string) => JSON.stringify(steps[at(id)]?.tasks).match(/policyEnforcementMode: \w+/)?.[0]
    expect(['cilium-beside', 'cilium-everywhere', 'policies-on'].map(enforcement)).toEqual(
      Array.from({ length: 3 }, () => 'policyEnforcementMode: default'),
    )
  })

  it('says what still stands open, and that both networks are apart until the last node has moved', () => {
    expect(steps.flatMap(({ stepId, exposure }) => (exposure ? [stepId] : []))).toEqual([
      'policies-off-servers',
      'policies-on',
    ])
    expect(steps.filter(({ outage }) => outage?.what.includes('DNS too'))).toMatchObject([
      { stepId: 'on-cilium-1', outage: { expectedMs: 180_000 } },
    ])
  })
})

describe('waves', () => {
  const of = (roles: string, lifeboat: string, canary: string): Inventory => ({
    ...someInventory,
    nodes: roles.split(' ').map((name) => ({
      name,
      role: name.startsWith('s') ? ('server' as const) : ('agent' as const),
      address: '192.168.77.1',
      ssh: {},
    })),
    lifeboat,
    canary,
  })
  it.each([
    ['s1 s2 s3 a1', 's3', 'a1', [['a1'], ['s1'], ['s2'], ['s3']]],
    ['s1 s2 s3 a1 a2 a3', 's3', 'a1', [['a1'], ['a2', 'a3'], ['s1'], ['s2'], ['s3']]],
    ['s1 s2 s3 s4 s5 a1 a2', 's5', 's1', [['s1'], ['a1', 'a2'], ['s2', 's3'], ['s4'], ['s5']]],
    [
      's1 a1 a2 a3 a4 a5 a6 a7 a8 a9',
      's1',
      'a2',
      [['a2'], ['a1', 'a3'], ['a4', 'a5', 'a6', 'a7'], ['a8', 'a9'], ['s1']],
    ],
    ['s1', 's1', 's1', [['s1']]],
  ])('%s', (nodes, lifeboat, canary, expected) => {
    expect(waves(of(nodes, lifeboat, canary))).toEqual(expected)
  })
})
