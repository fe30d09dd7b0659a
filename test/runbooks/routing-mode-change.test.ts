import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { routingModeChange } from '../../runbooks/routing-mode-change.ts'
import { isInTheWay, type Json } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import { InputError } from '../../src/errors.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { route, routedFacts, someValues } from '../operations/routed-facts.ts'
import { someInventory } from '../operations/some-facts.ts'

const meta = { id: 'p', createdAt: '2026-11-22T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (facts: Facts, params: Json) => plan(routingModeChange(someInventory), params, facts, meta)

function withAddresses(facts: Facts): Facts {
  for (const node of Object.values(facts.nodes))
    for (const link of node.network.links) if (link.name === 'eth0') link.addresses = [`${node.address}/24`]
  return facts
}

test('values first, with the agents held back; then all agents at once, under guards; then the strategy', () => {
  const { steps, findings } = planned(withAddresses(routedFacts('tunnel')), { to: 'native' })
  expect(findings.filter(isInTheWay)).toEqual([])
  const changes = steps.filter(({ kind, tasks }) => kind === 'change' && tasks.length > 0)
  expect(changes.map(({ stepId }) => stepId)).toEqual([
    ...['backup', 'etcd-snapshot', 'measure', 'quiet'],
    ...['agents-way-back', 'routing-values', 'agents', 'strategy'],
    ...['unquiet', 'measured'],
  ])
  const after = (stepId: string) =>
    parse(changes.find((step) => step.stepId === stepId)?.tasks[0]?.rendering.diffs?.[0]?.after ?? '')
  expect(after('routing-values')).toMatchObject({ routingMode: 'native', updateStrategy: { type: 'OnDelete' } })
  expect(after('strategy')).toEqual(parse(someValues('native')))
  const agents = changes.find(({ stepId }) => stepId === 'agents')
  expect(agents?.guard?.targets).toEqual(['s1', 's2', 's3', 'a1'])
  expect(agents?.outage).toMatchObject({ what: 'pods on different nodes' })
  expect(agents?.tasks[0]?.rendering.summary).toMatch(/end all 4 agents at once/)
  expect(changes.every(({ undo }) => undo !== undefined && !('impossible' in undo))).toBe(true)
})

test('back to the tunnel, what native routing needed goes, and no segment is asked for', () => {
  const facts = routedFacts('native')
  const { steps, findings } = planned(facts, { to: 'tunnel' })
  expect(findings.filter(isInTheWay)).toEqual([])
  const strategy = steps.find(({ stepId }) => stepId === 'strategy')
  expect(parse(strategy?.tasks[0]?.rendering.diffs?.[0]?.after ?? '')).toEqual(parse(someValues('tunnel')))
})

test('where every node routes so there is nothing to do; where one does not, all is done', () => {
  expect(planned(routedFacts('native'), { to: 'native' }).steps).toEqual([])
  expect(planned(routedFacts('tunnel'), { to: 'tunnel' }).steps).toEqual([])
  const facts = routedFacts('native')
  route(facts, 'a1', 'tunnel')
  const agents = planned(facts, { to: 'native' }).steps.find(({ stepId }) => stepId === 'agents')
  expect(agents?.tasks).toHaveLength(1)
})

test('there is no rolling change to ask for, and no change without a mode', () => {
  for (const params of [{}, { to: 'bgp' }, { to: 'native', rolling: true }, { order: 'staged' }])
    expect(() => planned(routedFacts('tunnel'), params)).toThrow(InputError)
  expect(() => planned(routedFacts('tunnel'), { to: 'native', rolling: true })).toThrow(/rolling/)
})

test('nodes in different segments cannot route natively: refused', () => {
  const facts = withAddresses(routedFacts('tunnel'))
  const far = facts.kube.nodes.find(({ name }) => name === 'a1')
  if (far) far.internalIp = '172.16.0.14'
  const blockers = planned(facts, { to: 'native' }).findings.filter(({ level }) => level === 'blocks')
  expect(blockers.map(({ title }) => title)).toContain('all nodes are in one segment')
})
