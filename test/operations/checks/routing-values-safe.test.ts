import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { routingValuesSafe } from '../../../src/operations/checks/routing-values-safe.ts'
import { routedFacts, someValues } from '../routed-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)
const inTheWay = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'fine')

test.each([
  ['native', { cleanState: true }, /cleanState: true wipes/],
  ['tunnel', { cleanBpfState: true }, /cleanBpfState: true wipes/],
  ['tunnel', { installNoConntrackIptablesRules: true }, /needs native routing/],
  ['tunnel', { loadBalancer: { mode: 'dsr' } }, /loadBalancer\.mode: "dsr"/],
] as const)('to %s with %o: refused', (mode, over, said) => {
  const facts = routedFacts('native')
  facts.kube.cilium.chart = { by: 'helm', version: '1.17.6', values: someValues('native', over) }
  const found = routingValuesSafe(facts, mode).filter(({ level }) => level === 'blocks')
  expect(found).toMatchObject([{ detail: expect.stringMatching(said), fix: expect.stringMatching(/release's values/) }])
})

test('what suits native routing is no trouble on the way there; what nobody can read is said', () => {
  const facts = routedFacts('tunnel')
  facts.kube.cilium.chart = {
    by: 'helm',
    version: '1.17.6',
    values: someValues('tunnel', { loadBalancer: { mode: 'dsr' } }),
  }
  expect(inTheWay(routingValuesSafe(facts, 'native'))).toMatchObject([
    { level: 'warns', detail: expect.stringMatching(/clouds drop such packets/) },
  ])
})

test('agents before 1.17 do not tell running pods of another packet size', () => {
  const facts = routedFacts('native')
  expect(inTheWay(routingValuesSafe(facts, 'tunnel'))).toEqual([])
  facts.kube.cilium.chart = { by: 'helm', version: '1.16.8', values: someValues('native') }
  expect(levels(inTheWay(routingValuesSafe(facts, 'tunnel')))).toEqual(['warns'])
})
