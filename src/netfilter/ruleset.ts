import { InputError } from '../errors.ts'
import { endsInQuotes, splitWords } from './words.ts'

/** What stands between tables: blank lines and `#` comments, without the line break. */
export interface Remark {
  readonly kind: 'remark'
  readonly text: string
}

/** `:NAME POLICY [packets:bytes]`; a chain that is not built in has no policy (`-`). */
export interface Chain {
  readonly kind: 'chain'
  readonly name: string
  readonly policy: string | null
  /** `[packets:bytes]`, or null where none were printed. */
  readonly counters: string | null
}

/** `[packets:bytes] -A CHAIN ...` */
export interface Rule {
  readonly kind: 'rule'
  readonly chain: string
  readonly counters: string | null
  /** From `-A` to the end, exactly as printed. May hold line breaks, inside of a quoted comment. */
  readonly text: string
  /** What follows `-A CHAIN`, quotes and escapes taken off. */
  readonly words: readonly string[]
}

export interface Table {
  readonly kind: 'table'
  readonly name: string
  /** In the order printed; remarks and chains and rules may be mixed. */
  readonly lines: readonly (Remark | Chain | Rule)[]
}

/** What iptables-save printed. `print(parse(text)) === text`. */
export interface Ruleset {
  readonly parts: readonly (Remark | Table)[]
}

export const tablesOf = (ruleset: Ruleset): Table[] => ruleset.parts.filter((part) => part.kind === 'table')
export const chainsOf = (table: Table): Chain[] => table.lines.filter((line) => line.kind === 'chain')
export const rulesOf = (table: Table): Rule[] => table.lines.filter((line) => line.kind === 'rule')

/** The value of an option that takes exactly one; null: the rule does not have it, or has it negated. */
function optionOf(rule: Rule, option: string): string | null {
  const at = rule.words.indexOf(option)
  return at < 0 || rule.words[at - 1] === '!' ? null : (rule.words[at + 1] ?? null)
}

/**
 * The chain or target a rule jumps or goes to. A free-text value (a comment that is `-j`) is followed by the next option,
 * which a target's name cannot look like: so it is never taken for a jump.
 */
export function targetOf(rule: Rule): string | null {
  const at = rule.words.findIndex((word, index) => {
    const next = rule.words[index + 1]
    return (word === '-j' || word === '-g') && next !== undefined && !next.startsWith('-') && next !== '!'
  })
  return at < 0 ? null : (rule.words[at + 1] ?? null)
}

export const commentOf = (rule: Rule): string | null => optionOf(rule, '--comment')

/** One line of the input: a rule whose comment holds line breaks counts as one, at the number of its first. */
interface Line {
  text: string
  number: number
}

const cut = (text: string, length = 80) => JSON.stringify(text.length > length ? `${text.slice(0, length)}...` : text)

function fail(what: string, line: number, expected: string): never {
  throw new InputError(`${what}, line ${line}: expected ${expected}`, {
    next: 'read the rules again; if it stays so, this output of iptables-save is of a kind that is not known here',
  })
}

/** Joins the lines of rules that go on inside of quotes. */
function logicalLines(text: string, what: string): Line[] {
  if (text === '') return []
  const physical = text.split('\n')
  if (physical.pop() !== '') fail(what, physical.length + 1, 'a line break at the end: the text is cut off')
  const lines: Line[] = []
  for (let at = 0; at < physical.length; at++) {
    const number = at + 1
    let line = physical[at] ?? ''
    // Only rules have quotes that count: a remark may hold anything.
    for (let open = isRule(line) && endsInQuotes(line); open; ) {
      const next = physical[++at]
      if (next === undefined) fail(what, number, 'the end of a quoted text')
      open = endsInQuotes(next, true)
      line += `\n${next}`
    }
    lines.push({ text: line, number })
  }
  return lines
}

const isRule = (line: string) => /^(\[\d+:\d+\] )?-A /.test(line)
const isRemark = (line: string) => line === '' || line.startsWith('#')

function parseChain({ text, number }: Line, what: string): Chain {
  const match = /^:(\S+) (\S+)(?: (\[\d+:\d+\]))?$/.exec(text)
  if (!match?.[1] || !match[2]) fail(what, number, `":CHAIN POLICY [packets:bytes]", got ${cut(text)}`)
  return { kind: 'chain', name: match[1], policy: match[2] === '-' ? null : match[2], counters: match[3] ?? null }
}

function parseRule({ text, number }: Line, what: string): Rule {
  const match = /^(?:(\[\d+:\d+\]) )?(-A (\S+)(?: [\s\S]*)?)$/.exec(text)
  const [, counters, rule, chain] = match ?? []
  if (!rule || !chain) fail(what, number, `"-A CHAIN ...", got ${cut(text)}`)
  return { kind: 'rule', chain, counters: counters ?? null, text: rule, words: splitWords(rule).slice(2) }
}

/**
 * Reads iptables-save's output, of any table, with or without counters.
 * @param what names the text in an error: "n1, ip-nft"
 * @throws InputError naming the line
 */
export function parse(text: string, what = 'iptables-save'): Ruleset {
  const parts: (Remark | Table)[] = []
  let open: { name: string; number: number; lines: (Remark | Chain | Rule)[]; chains: Set<string> } | null = null
  for (const line of logicalLines(text, what)) {
    if (isRemark(line.text)) (open?.lines ?? parts).push({ kind: 'remark', text: line.text })
    else if (!open) {
      const name = /^\*(\S+)$/.exec(line.text)?.[1]
      if (name === undefined) fail(what, line.number, `"*TABLE", got ${cut(line.text)}`)
      if (parts.some((part) => part.kind === 'table' && part.name === name))
        fail(what, line.number, `each table once; ${name} stands here again`)
      open = { name, number: line.number, lines: [], chains: new Set() }
    } else if (line.text === 'COMMIT') {
      parts.push({ kind: 'table', name: open.name, lines: open.lines })
      open = null
    } else if (line.text.startsWith(':')) {
      const chain = parseChain(line, what)
      if (open.chains.has(chain.name)) fail(what, line.number, `each chain once; ${chain.name} stands here again`)
      open.chains.add(chain.name)
      open.lines.push(chain)
    } else if (isRule(line.text)) {
      const rule = parseRule(line, what)
      if (!open.chains.has(rule.chain)) fail(what, line.number, `a chain of this table; ${cut(rule.chain)} is none`)
      open.lines.push(rule)
    } else fail(what, line.number, `a chain, a rule or COMMIT, got ${cut(line.text)}`)
  }
  if (open) fail(what, open.number, `COMMIT after the table ${open.name}: the text is cut off`)
  return { parts }
}

function printLine(line: Remark | Chain | Rule): string {
  if (line.kind === 'remark') return line.text
  const counters = line.counters ?? ''
  if (line.kind === 'rule') return counters === '' ? line.text : `${counters} ${line.text}`
  return `:${line.name} ${line.policy ?? '-'}${counters === '' ? '' : ` ${counters}`}`
}

/** The text of a rule set, as iptables-save printed it and iptables-restore takes it. */
export function print(ruleset: Ruleset): string {
  const lines = ruleset.parts.flatMap((part) =>
    part.kind === 'remark' ? [part.text] : [`*${part.name}`, ...part.lines.map(printLine), 'COMMIT'],
  )
  return lines.map((line) => `${line}\n`).join('')
}

/** Without what changes by itself: remarks (they hold the time) and counters. Policies and order stay. */
export function normalise(ruleset: Ruleset): Ruleset {
  const parts = tablesOf(ruleset).map((table) => ({
    ...table,
    lines: [
      ...chainsOf(table).map((chain) => ({ ...chain, counters: '[0:0]' })),
      ...rulesOf(table).map((rule) => ({ ...rule, counters: null })),
    ],
  }))
  return { parts }
}

/** Whether it says nothing: no rules, no chains but the built-in ones, and those accept. */
export const isEmpty = (ruleset: Ruleset): boolean =>
  tablesOf(ruleset).every(
    (table) => rulesOf(table).length === 0 && chainsOf(table).every((chain) => chain.policy === 'ACCEPT'),
  )
