import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { renderChains } from '../../../src/lab/standin/cilium/iptables.ts'

// Cilium's lines of `iptables-save` on a node of a real cluster (Cilium 1.13.9, tunnel mode, kube-proxy kept).
const recorded = readFileSync(new URL('./fixtures/iptables-save.txt', import.meta.url), 'utf8')
const state = { podCidr: '10.52.0.0/24', router: '10.52.0.184', masquerade: true, keptInside: '10.52.0.0/24' }

/** Rules of a save, table by table, without counters. */
function rulesOf(save: string): Map<string, string[]> {
  const tables = new Map<string, string[]>()
  let table = ''
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    const rule = line.replace(/^\[\d+:\d+\] /, '')
    if (rule.startsWith('-A CILIUM')) tables.set(table, [...(tables.get(table) ?? []), rule])
  }
  return tables
}

describe('renderChains', () => {
  it('has the rules of a real agent, table by table, in its order', () => {
    const own = rulesOf(renderChains(state, ''))
    for (const [table, rules] of rulesOf(recorded)) expect(own.get(table), table).toEqual(rules)
    expect([...own.keys()].sort()).toEqual(['filter', 'mangle', 'nat', 'raw'])
  })

  it('declares the ten chains of a real agent', () => {
    const chains = (text: string) => [...text.matchAll(/^:(CILIUM_\S+)/gm)].map(([, name]) => name).sort()
    expect(chains(renderChains(state, ''))).toEqual(chains(recorded))
    expect(chains(recorded)).toHaveLength(10)
  })

  it('puts each feeder first, and takes the ones that stand there out before', () => {
    const input = renderChains(state, recorded)
    expect(input.match(/^-I FORWARD 1 .*CILIUM_FORWARD$/gm)).toHaveLength(1)
    expect(input.match(/^-D FORWARD .*CILIUM_FORWARD$/gm)).toHaveLength(1)
    const without = renderChains(state, '')
    expect(without).not.toContain('\n-D ')
  })

  it('leaves packets to all of Cilium’s range their source where they are routed natively', () => {
    const input = renderChains({ ...state, keptInside: '10.52.0.0/16' }, '')
    expect(input).toMatch(/^-A CILIUM_POST_nat -s 10\.52\.0\.0\/24 ! -d 10\.52\.0\.0\/16 ! -o cilium_\+ .*MASQUERADE$/m)
  })

  it('masquerades nothing when that is switched off', () => {
    const input = renderChains({ ...state, masquerade: false }, '')
    expect(input).not.toContain('MASQUERADE')
    expect(input).not.toContain('SNAT')
  })
})
