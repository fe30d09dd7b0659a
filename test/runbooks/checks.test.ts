import { expect, test } from 'vitest'
import { preflightChecks } from '../../runbooks/checks.ts'
import { clusterFamilies, nodeFamilies } from '../../src/facts/facts.ts'
import { someInventory } from '../operations/some-facts.ts'
import { found, on } from './checks/spoiled.ts'

test('a cluster as it should be: nothing is told', () => {
  expect(found(() => undefined)).toEqual([])
})

test('what was not read is never fine', () => {
  const told = found((facts) => {
    for (const node of Object.values(facts.nodes))
      for (const family of ['kernel', 'firewall', 'upkeep'] as const) delete node[family]
    delete facts.obstacles
    delete facts.paths
  })
  const titles = new Set(told.filter(({ level }) => level === 'unknown').map(({ title }) => title))
  expect(titles.size).toBeGreaterThanOrEqual(14)
})

test('what could not be told and would only warn does not stand in the way; every gate reads what it looks at', () => {
  const gates = preflightChecks(someInventory, true)
  expect(gates.map(({ id }) => id)).toHaveLength(13)
  const families: readonly string[] = [...nodeFamilies, ...clusterFamilies]
  for (const { reads } of gates) for (const family of reads) expect(families).toContain(family)
  const unsure = found(
    on('s1', (node) => {
      node.netfilter.nftTables = ['inet mine']
    }),
  )
  expect(unsure.map(({ level, atWorst }) => [level, atWorst])).toEqual([['unknown', 'warns']])
})
