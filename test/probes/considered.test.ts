import { expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import { considered, notConsidered } from '../../src/probes/considered.ts'
import { clusterFacts } from './cluster-facts.ts'

/** So many pods of one namespace on each of two nodes, the last of which a policy selects by its label. */
function cluster(count: number): Facts {
  const pods = Array.from({ length: count }, (_, index) => ({
    ...{ namespace: 'shop', name: `web-${String(index).padStart(3, '0')}`, node: `n${index % 2}` },
  }))
  const facts = clusterFacts(pods)
  const last = facts.kube.pods.at(-1)
  if (last) last.labels = { app: 'odd' }
  const spec = policySpecSchema.parse({ podSelector: { matchLabels: { app: 'odd' } } })
  facts.kube.policies = [{ namespace: 'shop', name: 'odd', spec }]
  return facts
}

test('of many pods the one that another policy selects is among those considered', () => {
  const facts = cluster(200)
  const chosen = considered(facts.kube.pods, facts)
  expect(chosen).toHaveLength(40)
  expect(chosen.map(({ name }) => name)).toContain('web-199')
  expect(notConsidered(facts.kube.pods, facts)).toEqual(['40 of 200 pods stand for all as sources of connections'])
})

test('what nobody stands for is said, by kind and name', () => {
  const pods = Array.from({ length: 50 }, (_, index) => ({
    ...{ namespace: `ns-${String(index).padStart(2, '0')}`, name: 'web', node: index === 49 ? 'n9' : 'n1' },
  }))
  const facts = clusterFacts(pods, { policies: ['ns-48'] })
  const [said] = notConsidered(facts.kube.pods, facts)
  expect(said).toMatch(
    /^40 of 50 pods stand for all .*; none of them for 10 of 50 namespaces \(ns-\d\d, .* and 5 more\)/,
  )
  // The one on another node and the one under a policy differ from all others, and are taken first.
  expect(said).not.toMatch(/nodes|policies/)
})

test('a cluster whose pods are all considered leaves nothing out', () => {
  const facts = cluster(40)
  expect(notConsidered(facts.kube.pods, facts)).toEqual([])
})
