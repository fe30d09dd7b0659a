import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compareEvidence, countEvidence } from '../../src/operations/evidence-counts.ts'
import { someFacts } from './some-facts.ts'

const recorded = (name: string) =>
  readFileSync(new URL(`../fixtures/k3s-1.21.3/A-running/k2/${name}`, import.meta.url), 'utf8')

const attempt = (from: string, outcome: 'ok' | 'timeout') => ({
  ...{ from, to: 'b', address: '10.42.0.9', port: 80, durationMs: 1 },
  outcome,
})

test('counts of a recorded node what is in its rule sets', () => {
  const facts = someFacts()
  const { s1 } = facts.nodes
  if (s1 === undefined) throw new Error('no s1')
  facts.nodes = { s1 }
  s1.netfilter = {
    ...s1.netfilter,
    rulesets: { ...s1.netfilter.rulesets, 'ip-nft': recorded('iptables-save-c.txt') },
    ipsets: recorded('ipset-save.txt'),
  }
  const { kubeRouter, ipsets, rejected, flannel, pairs } = countEvidence(facts)
  const chains = recorded('iptables-save-c.txt').match(/^:KUBE-(ROUTER|POD-FW|NWPLCY)\S* /gm)?.length ?? 0
  expect(chains).toBeGreaterThan(20)
  expect(kubeRouter).toBeGreaterThan(chains)
  expect(ipsets).toBe(recorded('ipset-save.txt').match(/^create KUBE-(SRC|DST)-/gm)?.length)
  expect(flannel).toBeGreaterThan(0)
  // Nobody tried, and these facts hold no counters: neither is zero.
  expect([pairs, rejected]).toEqual([null, null])
})

test('the nodes together; pairs lost and opened', () => {
  const [before, now] = [someFacts(), someFacts()]
  for (const node of Object.values(before.nodes)) node.netfilter.rejected = 3
  before.reachability = [attempt('a', 'ok'), attempt('c', 'timeout'), attempt('d', 'ok'), attempt('gone', 'ok')]
  now.reachability = [attempt('a', 'ok'), attempt('c', 'ok'), attempt('d', 'timeout')]
  const compared = compareEvidence(before, now)
  expect(compared.before).toMatchObject({ rejected: 12, ipsets: 4, pairs: { tried: 4, worked: 3 } })
  expect(compared.now).toMatchObject({ rejected: null, pairs: { tried: 3, worked: 2 } })
  expect(compared.pairs).toEqual({ lost: 1, opened: 1, notComparable: 1 })
})
