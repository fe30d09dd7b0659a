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

it("is the same change while a sync of kube-router's has flannel's rules in the filter table lost", () => {
  const facts = someFacts()
  const rulesets = facts.nodes.s1?.netfilter.rulesets
  const lost = netfilterPurged.diff(facts, 's1', { owner: 'flannel' })
  if (!rulesets?.['ip-nft'] || !lost) throw new Error('no change')
  rulesets['ip-nft'] = rulesets['ip-nft'].replace('*filter\n', '*filter\n:FLANNEL-FWD - [0:0]\n')
  const whole = netfilterPurged.diff(facts, 's1', { owner: 'flannel' })
  if (!whole) throw new Error('no change')
  expect(Object.keys(whole.rulesets['ip-nft'] ?? {})).not.toEqual(Object.keys(lost.rulesets['ip-nft'] ?? {}))
  expect(netfilterPurged.fingerprint(whole)).toEqual(netfilterPurged.fingerprint(lost))
})
