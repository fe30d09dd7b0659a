import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cilium } from '../../src/netfilter/cilium.ts'
import { flannel } from '../../src/netfilter/flannel.ts'
import { kubeRouter } from '../../src/netfilter/kube-router.ts'
import { stalePortmap } from '../../src/netfilter/portmap.ts'
import { applyRemoval, isNothing, planRemoval, removalScript } from '../../src/netfilter/removal.ts'
import { parse, print } from '../../src/netfilter/ruleset.ts'
import { fixture, foreign, plant, rulesFixtures } from './fixtures.ts'

const owners = [kubeRouter, flannel('10.42.0.0/16'), cilium, stalePortmap(() => true)]
const removed = (text: string) => {
  const ruleset = parse(text)
  return print(applyRemoval(ruleset, planRemoval(ruleset, owners)))
}

test.each(rulesFixtures)('%s: what is left has nothing to remove, and removing again changes nothing', (name) => {
  const after = removed(fixture(name))
  expect(isNothing(planRemoval(parse(after), owners))).toBe(true)
  expect(removed(after)).toBe(after)
})

/** A recorded table line by line, each marked as theirs or not, by taking away what the plan names. */
const recorded = fixture('k3s-1.21.3-hostport.nft.rules')

describe('for any rules of others, anywhere between theirs', () => {
  const foreignRule = fc
    .record({
      table: fc.constantFrom('filter', 'nat'),
      at: fc.nat(),
      text: fc.constantFrom(
        ...foreign.filter.filter(
          (line) =>
            line.startsWith('-A INPUT') &&
            !line.includes('-j KUBE-') &&
            !line.includes('-j MY-') &&
            !line.includes('-j ufw'),
        ),
        '-A OUTPUT -d 10.42.0.0/16 -j ACCEPT',
      ),
      comment: fc.string({ maxLength: 20 }),
    })
    .map(({ table, at, text, comment }) => ({
      table,
      at,
      line: `${text.replace(/ -j (\S+)$/, ` -m comment --comment "${comment.replace(/["'\\]/g, (char) => `\\${char}`)}x" -j $1`)}`,
    }))

  /** Puts lines into the rules of a table, at any place. */
  const insert = (text: string, planted: readonly { table: string; at: number; line: string }[]) => {
    const lines = text.split('\n')
    for (const { table, at, line } of planted) {
      const start = lines.indexOf(`*${table}`)
      const first = lines.findIndex((one, index) => index > start && !one.startsWith(':'))
      const end = lines.indexOf('COMMIT', start)
      lines.splice(first + (at % (end - first + 1)), 0, line)
    }
    return lines.join('\n')
  }

  test('everything of others is left byte for byte and in order', () => {
    fc.assert(
      fc.property(fc.array(foreignRule, { maxLength: 20 }), (planted) => {
        const text = insert(recorded, planted)
        const after = removed(text)
        // The same lines taken out of a text that was never parsed: what remains must be equal.
        const removal = planRemoval(parse(recorded), owners)
        const chains = new Set(Object.values(removal).flatMap((one) => one.chains))
        const rules = new Set(Object.values(removal).flatMap((one) => one.rules))
        const expected = text.split('\n').filter((line) => {
          const bare = line.replace(/^\[\d+:\d+\] /, '')
          const chain = /^(?::|-A )(\S+)/.exec(bare)?.[1] ?? ''
          return !chains.has(chain) && !rules.has(bare)
        })
        expect(after).toBe(expected.join('\n'))
        for (const { line } of planted) expect(after).toContain(line)
      }),
      { numRuns: 50 },
    )
  })

  test('duplicates of theirs go, however many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), (times) => {
        const jump = '-A INPUT -m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-INPUT'
        const text = insert(
          recorded,
          Array.from({ length: times }, (_, at) => ({ table: 'filter', at: at * 3, line: jump })),
        )
        expect(planRemoval(parse(text), owners).filter?.rules.filter((one) => one === jump)).toHaveLength(times + 1)
        expect(removed(text)).not.toContain('KUBE-ROUTER')
      }),
      { numRuns: 10 },
    )
  })
})

test('what looks like theirs survives in a recorded rule set', () => {
  const text = plant(recorded, foreign)
  const after = removed(text)
  for (const line of [...foreign.filter, ...foreign.nat]) expect(after).toContain(`${line}\n`)
  expect(after).not.toMatch(/KUBE-(POD-FW|NWPLCY)-[A-Z2-7]{16}/)
})

test('the script names nothing but what is removed: flushed, cut off, deleted, one commit a table, filter first', () => {
  const script = removalScript({
    nat: {
      chains: ['FLANNEL-POSTRTG'],
      rules: ['-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG'],
    },
    filter: { chains: [], rules: ['-A FORWARD -s 10.42.0.0/16 -j ACCEPT', '-A FORWARD -s 10.42.0.0/16 -j ACCEPT'] },
  })
  expect(script).toBe(
    [
      '*filter',
      '-D FORWARD -s 10.42.0.0/16 -j ACCEPT',
      '-D FORWARD -s 10.42.0.0/16 -j ACCEPT',
      'COMMIT',
      '*nat',
      ':FLANNEL-POSTRTG - [0:0]',
      '-D POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
      '-X FLANNEL-POSTRTG',
      'COMMIT',
      '',
    ].join('\n'),
  )
  expect(removalScript({})).toBe('')
})

test('a comment cannot smuggle commands into the script', () => {
  const text =
    '*filter\n:INPUT ACCEPT [0:0]\n:KUBE-ROUTER-INPUT - [0:0]\n-A INPUT -m comment --comment "x\n-F INPUT\n" -j KUBE-ROUTER-INPUT\nCOMMIT\n'
  expect(() => removalScript(planRemoval(parse(text), [kubeRouter]))).toThrow('line break in its comment')
})
