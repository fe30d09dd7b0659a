import { expect, it } from 'vitest'
import { netfilterPurged } from '../../src/operations/netfilter-purged.ts'
import { someFacts } from './some-facts.ts'

it.each(['kube-router', 'flannel'] as const)('predicts what it removes of %s: nothing is left to do', (owner) => {
  const facts = someFacts()
  const change = netfilterPurged.diff(facts, 's1', { owner })
  if (!change) throw new Error('no change')
  const after = netfilterPurged.predict(facts, 's1', change)
  expect(netfilterPurged.diff(after, 's1', { owner })).toBeNull()
  expect(netfilterPurged.diff(after, 's2', { owner })).not.toBeNull()
  expect(after.nodes.s1?.netfilter.rulesets['ip-nft']).not.toContain(owner === 'flannel' ? 'FLANNEL' : 'KUBE-ROUTER')
})

it('leaves the other owner alone', () => {
  const facts = someFacts()
  const change = netfilterPurged.diff(facts, 's1', { owner: 'kube-router' })
  if (!change) throw new Error('no change')
  expect(netfilterPurged.predict(facts, 's1', change).nodes.s1?.netfilter.rulesets['ip-nft']).toContain(
    'FLANNEL-POSTRTG',
  )
})
