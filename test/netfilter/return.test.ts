import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kubeRouter } from '../../src/netfilter/kube-router.ts'
import { applyRemoval, planRemoval } from '../../src/netfilter/removal.ts'
import { returnScript } from '../../src/netfilter/return.ts'
import { parse, print, rulesOf, tablesOf } from '../../src/netfilter/ruleset.ts'
import { fixture, foreign, plant } from './fixtures.ts'

const recorded = fixture('kube-router-2.6.3.rules')
const removal = planRemoval(parse(recorded), [kubeRouter])

type Chains = Record<string, string[]>

function rulesIn(chains: Chains, name: string): string[] {
  const rules = chains[name] ?? []
  chains[name] = rules
  return rules
}

/** Rules by chain, as `iptables-restore --noflush` leaves them: what these tests need of it. */
function restored(text: string, script: string): Chains {
  const chains: Chains = {}
  for (const table of tablesOf(parse(text)))
    for (const { chain, text: rule } of rulesOf(table)) rulesIn(chains, `${table.name} ${chain}`).push(rule)
  let table = ''
  for (const line of script.split('\n')) {
    const [, chain = '', place = '', rest = ''] = /^-I (\S+) (\d+) (.*)$/.exec(line) ?? []
    if (line.startsWith('*')) table = line.slice(1)
    else if (line.startsWith('-A ')) rulesIn(chains, `${table} ${line.split(' ')[1]}`).push(line)
    else if (chain !== '') {
      const rules = rulesIn(chains, `${table} ${chain}`)
      const at = Number(place)
      if (at < 1 || at > rules.length + 1) throw new Error(`index of insertion too big: ${line}`)
      rules.splice(at - 1, 0, `-A ${chain} ${rest}`)
    }
  }
  return chains
}

/** The table filter with these rules, for reading again. */
function asText(chains: Chains): string {
  const own = Object.entries(chains).flatMap(([name, rules]) => (name.startsWith('filter ') ? [{ name, rules }] : []))
  const heads = own.map(({ name }) => `:${name.slice('filter '.length)} - [0:0]`)
  return `${['*filter', ...heads, ...own.flatMap(({ rules }) => rules), 'COMMIT'].join('\n')}\n`
}

test('what was removed comes back to its places', () => {
  const text = plant(recorded, { filter: foreign.filter })
  const after = applyRemoval(parse(text), removal)
  expect(restored(print(after), '')).not.toEqual(restored(text, ''))
  expect(restored(print(after), returnScript(parse(text), after, removal))).toEqual(restored(text, ''))
})

test('what is there is left alone: put back twice, the second time is nothing', () => {
  expect(returnScript(parse(recorded), parse(recorded), removal)).toBe('')
})

test('rules that others added meanwhile stay, in their order, and never make a place that is not there', () => {
  const added = fc.array(
    fc.record({
      chain: fc.constantFrom('INPUT', 'FORWARD', 'OUTPUT'),
      at: fc.nat(),
      port: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(added, fc.boolean(), (rules, isEmptied) => {
      const chains = restored(isEmptied ? '' : print(applyRemoval(parse(recorded), removal)), '')
      for (const { chain, at, port } of rules) {
        const list = rulesIn(chains, `filter ${chain}`)
        list.splice(at % (list.length + 1), 0, `-A ${chain} -p tcp -m tcp --dport ${port} -j ACCEPT`)
      }
      const now = asText(chains)
      const after = restored(now, returnScript(parse(recorded), parse(now), removal))
      for (const [name, list] of Object.entries(chains))
        expect(after[name]?.filter((rule) => list.includes(rule))).toEqual(list)
      const all = Object.values(after).flat()
      for (const rule of removal.filter?.rules ?? []) expect(all.filter((one) => one === rule)).toHaveLength(1)
      for (const chain of removal.filter?.chains ?? [])
        expect(after[`filter ${chain}`]).toEqual(restored(recorded, '')[`filter ${chain}`])
    }),
  )
})
