import { FailedError } from '../errors.ts'
import type { Recogniser } from './recogniser.ts'
import { chainsOf, type Rule, type Ruleset, rulesOf, type Table, tablesOf, targetOf } from './ruleset.ts'

export interface TableRemoval {
  /** Chains to flush and delete, with whatever they hold. */
  chains: string[]
  /** Rules in chains that stay: exact text from `-A` on, as often as it stands there. */
  rules: string[]
}

/** What is to be removed of one rule set, by table. JSON. Empty: nothing. */
export type Removal = Record<string, TableRemoval>

export const isNothing = (removal: Removal): boolean => Object.keys(removal).length === 0

/** Rules that go by themselves are not listed: they are in a chain that goes. Those that lead into one must be. */
function removalOf(table: Table, claimed: ReadonlySet<string>, loose: ReadonlySet<Rule>): TableRemoval {
  return {
    chains: chainsOf(table)
      .map((chain) => chain.name)
      .filter((name) => claimed.has(name)),
    rules: rulesOf(table)
      .filter((rule) => !claimed.has(rule.chain) && (loose.has(rule) || claimed.has(targetOf(rule) ?? '')))
      .map((rule) => rule.text),
  }
}

/** Everything the recognisers claim, with every jump into a claimed chain: the kernel keeps a chain that is referred to. */
export function planRemoval(ruleset: Ruleset, recognisers: readonly Recogniser[]): Removal {
  const claims = recognisers.flatMap((recognise) => recognise(ruleset))
  const removal: Removal = {}
  for (const table of tablesOf(ruleset)) {
    const own = claims.filter((claim) => claim.table === table.name)
    const one = removalOf(
      table,
      new Set(own.flatMap((claim) => claim.chains)),
      new Set(own.flatMap((claim) => claim.rules)),
    )
    if (one.chains.length + one.rules.length > 0) removal[table.name] = one
  }
  return removal
}

/** filter first: what is told from nat (flannel's older rules) must still be there should the second table fail. */
const inOrder = (removal: Removal) =>
  Object.entries(removal).sort(([a], [b]) => Number(b === 'filter') - Number(a === 'filter'))

export function oneLine(text: string): string {
  // iptables takes line breaks in comments; here such a rule would be read as commands.
  if (/[\n\r]/.test(text))
    throw new FailedError(`this rule has a line break in its comment and cannot be removed exactly: ${text}`, {
      next: 'delete it by hand with iptables -D, then plan again',
    })
  return text
}

/**
 * Input for `iptables-restore -w --noflush`: each table one atomic transaction, that touches nothing but what is named
 * (k3s-kube-router.md §5.2, measured clean on both backends; a line that fails leaves its table as it was).
 */
export function removalScript(removal: Removal): string {
  return inOrder(removal)
    .flatMap(([table, { chains, rules }]) => [
      `*${table}`,
      ...chains.map((chain) => `:${chain} - [0:0]`),
      ...rules.map((rule) => oneLine(rule).replace(/^-A /, '-D ')),
      ...chains.map((chain) => `-X ${chain}`),
      'COMMIT',
    ])
    .map((line) => `${line}\n`)
    .join('')
}

function withoutIn(table: Table, { chains, rules }: TableRemoval): Table {
  const gone = new Set(chains)
  const left = new Map<string, number>()
  for (const rule of rules) left.set(rule, (left.get(rule) ?? 0) + 1)
  return {
    ...table,
    lines: table.lines.filter((line) => {
      if (line.kind === 'remark') return true
      if (line.kind === 'chain') return !gone.has(line.name)
      if (gone.has(line.chain)) return false
      const count = left.get(line.text) ?? 0
      // As `-D` does: the first ones that are equal.
      if (count > 0) left.set(line.text, count - 1)
      return count === 0
    }),
  }
}

/** The rule set after the removal; everything else byte for byte and in order. */
export function applyRemoval(ruleset: Ruleset, removal: Removal): Ruleset {
  return {
    parts: ruleset.parts.map((part) => {
      const one = part.kind === 'table' ? removal[part.name] : undefined
      return part.kind === 'table' && one ? withoutIn(part, one) : part
    }),
  }
}
