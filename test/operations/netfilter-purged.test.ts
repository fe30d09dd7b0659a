import { expect, it } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import type { Command, Outcome } from '../../src/nodes/node.ts'
import { netfilterPurged } from '../../src/operations/netfilter-purged.ts'
import type { World } from '../../src/operations/world.ts'
import { noting } from './fake-guards.ts'
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

/** A node that refuses the first removal, and whose rules are these when it is looked at then; what it was told to restore. */
function refusingOnce(then: Facts) {
  const inputs: string[] = []
  const run = async ({ stdin }: Command): Promise<Outcome> => {
    inputs.push(String(stdin))
    return { kind: 'exited', code: inputs.length === 1 ? 4 : 0, stdout: '', stderr: 'CHAIN_DEL failed', durationMs: 1 }
  }
  const world = { nodes: { get: () => ({ name: 's1', run }) }, look: async () => then } as unknown as World
  return { world, inputs }
}

it('a removal that does not fit any more is made anew from what is there', async () => {
  const change = netfilterPurged.diff(someFacts(), 's1', { owner: 'flannel' })
  if (!change) throw new Error('no change')
  const then = someFacts()
  const rulesets = then.nodes.s1?.netfilter.rulesets
  if (!rulesets?.['ip-nft']) throw new Error('no rules')
  rulesets['ip-nft'] = rulesets['ip-nft'].replace('*filter\n', '*filter\n:FLANNEL-FWD - [0:0]\n')
  const { world, inputs } = refusingOnce(then)
  await netfilterPurged.apply(world, 's1', change, noting(new Map()))
  expect(inputs).toHaveLength(2)
  expect(inputs[0]).not.toContain('FLANNEL-FWD')
  expect(inputs[1]).toContain('-X FLANNEL-FWD')
})

it('where nothing has changed the failure stands', async () => {
  const change = netfilterPurged.diff(someFacts(), 's1', { owner: 'flannel' })
  if (!change) throw new Error('no change')
  const { world, inputs } = refusingOnce(someFacts())
  await expect(netfilterPurged.apply(world, 's1', change, noting(new Map()))).rejects.toThrow(/CHAIN_DEL failed/)
  expect(inputs).toHaveLength(1)
})
