import type { Chain, IpSetState, NodeState, Table } from './state.ts'

export const tableOf = (node: NodeState, name: string): Table => {
  const found = node.tables.find((table) => table.name === name)
  if (!found) throw new Error(`${node.name} has no table ${name}`)
  return found
}

export const chainOf = (table: Table, name: string): Chain | undefined =>
  table.chains.find((chain) => chain.name === name)

/** An empty chain of that name, whether it was there or not. */
export function freshChain(table: Table, name: string): Chain {
  const known = chainOf(table, name)
  if (known) {
    known.rules = []
    return known
  }
  const made: Chain = { name, policy: null, rules: [] }
  table.chains.push(made)
  return made
}

/** The rule stands in the chain once; a missing one goes to its beginning or end. */
export function ensureRule(table: Table, chain: string, rule: string, where: 'first' | 'last'): void {
  const rules = chainOf(table, chain)?.rules
  if (!rules || rules.includes(rule)) return
  if (where === 'first') rules.unshift(rule)
  else rules.push(rule)
}

/** `iptables-save -c`. */
export const savedTables = (tables: readonly Table[]): string =>
  tables
    .map(({ name, chains }) =>
      [
        `*${name}`,
        ...chains.map((chain) => `:${chain.name} ${chain.policy ?? '-'} [0:0]`),
        ...chains.flatMap((chain) => chain.rules.map((rule) => `[0:0] -A ${chain.name} ${rule}`)),
        'COMMIT\n',
      ].join('\n'),
    )
    .join('')

const builtInTargets = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'MARK', 'MASQUERADE', 'DNAT', 'REDIRECT', ''])

const jumpsTo = (rule: string, chain: string) => rule.endsWith(`-j ${chain}`)

/** What `iptables-restore` ends with, as the nft backend does (test/lab/simulator.test.ts). */
export interface Refused {
  code: 1 | 2 | 4
  said: string
}
const refused = (code: Refused['code'], said: string): Refused => ({ code, said: `iptables-restore: ${said}` })

/** Carries out one table's lines; what went wrong, or null. */
function applyLine(table: Table, line: string): Refused | null {
  const [, declared] = /^:(\S+) /.exec(line) ?? []
  if (declared !== undefined) {
    freshChain(table, declared)
    return null
  }
  const [, verb, name = '', rule = ''] = /^-([DX]) (\S+)(?: (.*))?$/.exec(line) ?? []
  const chain = chainOf(table, name)
  if (verb === 'D') {
    const at = chain?.rules.indexOf(rule) ?? -1
    const [, target = ''] = / -j (\S+)$/.exec(line) ?? []
    const isKnown = chainOf(table, target) !== undefined || builtInTargets.has(target)
    if (!isKnown) return refused(2, `Chain '${target}' does not exist: ${line}`)
    if (!chain || at < 0) return refused(1, `Bad rule (does a matching rule exist in that chain?): ${line}`)
    chain.rules.splice(at, 1)
    return null
  }
  if (verb === 'X') {
    if (!chain) return refused(1, `No chain/target/match by that name: ${line}`)
    const isUsed = table.chains.some((other) => other.rules.some((one) => jumpsTo(one, name)))
    if (isUsed || chain.rules.length > 0) return refused(4, `Device or resource busy: ${line}`)
    table.chains.splice(table.chains.indexOf(chain), 1)
    return null
  }
  const [, parent = '', position, added = ''] = /^-[AI] (\S+) (1 )?(.*)$/.exec(line) ?? []
  const into = chainOf(table, parent)
  if (into) {
    if (position === undefined) into.rules.push(added)
    else into.rules.unshift(added)
    return null
  }
  throw new Error(`the simulator does not know this line of iptables-restore: ${line}`)
}

/**
 * `iptables-restore --noflush`: each table whole or not at all, those before a failing one stay done. A line that the connection
 * was cut in is none that it knows.
 */
export function restoreTables(node: NodeState, input: string): Refused | null {
  let draft: Table | null = null
  const lines = input.split('\n')
  const torn = lines.pop()
  for (const line of lines.filter((one) => one !== '')) {
    if (line.startsWith('*')) draft = structuredClone(tableOf(node, line.slice(1)))
    else if (draft === null) return refused(1, `line outside of a table: ${line}`)
    else if (line === 'COMMIT') {
      const done = draft
      node.tables = node.tables.map((table) => (table.name === done.name ? done : table))
      draft = null
    } else {
      const problem = applyLine(draft, line)
      if (problem !== null) return problem
    }
  }
  if (torn) return refused(2, torn)
  return draft === null ? null : refused(1, 'COMMIT expected at the end')
}

/** `ipset save`. */
export const savedSets = (sets: readonly IpSetState[]): string =>
  sets
    .map(({ name, type, entries }) =>
      [
        `create ${name} ${type} family inet hashsize 1024 maxelem 65536 timeout 0\n`,
        ...entries.map((entry) => `add ${name} ${entry} timeout 0\n`),
      ].join(''),
    )
    .join('')

/** `ipset restore` with lines that destroy: ends at the first that cannot be. */
export function destroySets(node: NodeState, input: string): string | null {
  for (const line of input.split('\n').filter((one) => one !== '')) {
    const [verb, name = ''] = line.split(' ')
    if (verb !== 'destroy') {
      if (!input.endsWith('\n') && 'destroy'.startsWith(line)) return `ipset: unknown argument ${line}`
      throw new Error(`the simulator does not know this line of ipset restore: ${line}`)
    }
    const at = node.ipsets.findIndex((set) => set.name === name)
    if (at < 0) return `ipset: The set with the given name does not exist: ${line}`
    const isUsed = node.tables.some(({ chains }) =>
      chains.some(({ rules }) => rules.some((rule) => rule.includes(`--match-set ${name} `))),
    )
    if (isUsed) return `ipset: Set cannot be destroyed: it is in use by a kernel component: ${line}`
    node.ipsets.splice(at, 1)
  }
  return null
}
