import type { Recogniser } from './recogniser.ts'
import { chainsOf, type Ruleset, rulesOf, tablesOf } from './ruleset.ts'

/** Our own chain, in mangle: nobody else's order of rules in filter matters to it. */
const chain = 'CNI-MIGRATE-EGRESS'
const table = 'mangle'

const jump = (podCidr: string) => `FORWARD -d ${podCidr} -m conntrack --ctstate NEW -j ${chain}`

const own = (ruleset: Ruleset) =>
  tablesOf(ruleset)
    .filter(({ name }) => name === table)
    .map((one) => ({
      isThere: chainsOf(one).some(({ name }) => name === chain),
      rules: rulesOf(one).filter((rule) => rule.chain === chain),
      jumps: rulesOf(one).filter((rule) => rule.words.at(-1) === chain),
    }))

/** Everything that `closingInput` brings. */
export const egressClosed: Recogniser = (ruleset) =>
  own(ruleset)
    .filter(({ isThere }) => isThere)
    .map(() => ({ table, chains: [chain], rules: [] }))

/** Addresses from which a rule set lets nothing new into a range that is closed to them. */
export const closedSources = (ruleset: Ruleset): string[] =>
  own(ruleset).flatMap(({ rules, jumps }) =>
    jumps.length === 0 ? [] : rules.map(({ words }) => (words[1] ?? '').replace(/\/32$/, '')),
  )

/** `iptables-save` of a rule set's own part, as it is after `closingInput`. */
const rulesFor = (sources: readonly string[]) => sources.map((source) => `-A ${chain} -s ${source}/32 -j DROP`)

/**
 * Input of `iptables-restore --noflush`: what these addresses begin towards the range is dropped. Connections that stand, and
 * answers, go on.
 */
export function closingInput(ruleset: Ruleset, sources: readonly string[], podCidr: string): string {
  const hasJump = own(ruleset).some(({ jumps }) => jumps.length > 0)
  return [
    `*${table}`,
    `:${chain} - [0:0]`,
    ...(hasJump ? [] : [`-I ${jump(podCidr).replace(' ', ' 1 ')}`]),
    ...rulesFor(sources),
    'COMMIT',
    '',
  ].join('\n')
}

/** The rule set as it is printed once that was restored. */
export function closedText(text: string, sources: readonly string[], podCidr: string): string {
  const lines = [`:${chain} - [0:0]`, `-A ${jump(podCidr)}`, ...rulesFor(sources), 'COMMIT']
  const whole = /^\*mangle$/m.test(text) ? text : `${text}*${table}\n:FORWARD ACCEPT [0:0]\nCOMMIT\n`
  // Of mangle: its COMMIT is the first after its name.
  return whole.replace(/^(\*mangle\n(?:(?!COMMIT).*\n)*)COMMIT$/m, `$1${lines.join('\n')}`)
}
