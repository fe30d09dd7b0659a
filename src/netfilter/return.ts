import { oneLine, type Removal, type TableRemoval } from './removal.ts'
import { chainsOf, type Rule, type Ruleset, rulesOf, type Table, tablesOf } from './ruleset.ts'

/** `-I`s that put a chain's removed rules back where they stood, among whatever stands there now. */
function returnedTo(chain: string, saved: readonly Rule[], now: readonly Rule[], removed: readonly string[]): string[] {
  const wanted = [...removed]
  const lines: string[] = []
  // How many rules that stand there now are passed: the next one returned stands behind them and those returned before.
  let passed = 0
  for (const { text } of saved) {
    const at = now.findIndex((rule, index) => index >= passed && rule.text === text)
    const known = wanted.indexOf(text)
    if (at >= 0) passed = at + 1
    else if (known >= 0)
      lines.push(`-I ${chain} ${passed + lines.length + 1}${oneLine(text).slice(`-A ${chain}`.length)}`)
    if (known >= 0) wanted.splice(known, 1)
  }
  return lines
}

function tableLines(saved: Table, now: Table | undefined, { chains, rules }: TableRemoval): string[] {
  const there = new Set(now === undefined ? [] : chainsOf(now).map(({ name }) => name))
  const missing = new Set(chains.filter((name) => !there.has(name)))
  const standing = Map.groupBy(now === undefined ? [] : rulesOf(now), ({ chain }) => chain)
  const emptied = rulesOf(saved).filter(({ chain }) => missing.has(chain))
  const others = [...Map.groupBy(rulesOf(saved), ({ chain }) => chain)].filter(([chain]) => !chains.includes(chain))
  return [
    ...[...missing].map((name) => `:${name} - [0:0]`),
    ...emptied.map(({ text }) => oneLine(text)),
    ...others.flatMap(([chain, list]) => returnedTo(chain, list, standing.get(chain) ?? [], rules)),
  ]
}

/**
 * Input for `iptables-restore -w --noflush` that puts back what a removal took: each table one transaction. Rules come back to
 * their places between those of others, as `saved` has them. What is there already is left alone. Empty: all of it is.
 */
export function returnScript(saved: Ruleset, now: Ruleset, removal: Removal): string {
  const standing = new Map(tablesOf(now).map((table) => [table.name, table]))
  return tablesOf(saved)
    .flatMap((table) => {
      const one = removal[table.name]
      const lines = one === undefined ? [] : tableLines(table, standing.get(table.name), one)
      return lines.length === 0 ? [] : [`*${table.name}`, ...lines, 'COMMIT']
    })
    .map((line) => `${line}\n`)
    .join('')
}
