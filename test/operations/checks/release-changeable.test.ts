import { expect, test } from 'vitest'
import type { Finding } from '../../../src/engine/model.ts'
import { releaseChangeable } from '../../../src/operations/checks/release-changeable.ts'
import { routedFacts, someValues } from '../routed-facts.ts'
import { someInventory } from '../some-facts.ts'

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)
const inTheWay = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'fine')

test('a release that is not there, or somebody else’s to change, is not changed', () => {
  const facts = routedFacts('tunnel')
  expect(inTheWay(releaseChangeable(facts, someInventory.cilium))).toEqual([])
  const byHelm = { ...someInventory.cilium, install: 'helm' as const }
  expect(inTheWay(releaseChangeable(facts, byHelm))[0]?.detail).toMatch(/installed by helm-chart-object/)
  facts.kube.cilium.chart = null
  expect(levels(releaseChangeable(facts, someInventory.cilium))).toEqual(['blocks'])
})

test('a chart in a file that is of another version would be an upgrade: refused', () => {
  const facts = routedFacts('tunnel')
  facts.kube.cilium.chart = { by: 'helm', version: '1.17.4', values: someValues('tunnel') }
  const cilium = { ...someInventory.cilium, install: 'helm' as const, chart: { path: '/charts/cilium.tgz' } }
  expect(releaseChangeable(facts, cilium)[0]).toMatchObject({
    level: 'blocks',
    detail: "it has version 1.17.4, the inventory's chart 1.17.6: with the values the version would change",
  })
})
