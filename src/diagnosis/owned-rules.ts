import type { Facts, NodeFacts } from '../facts/facts.ts'
import { type RulesetName, rulesetNames } from '../facts/netfilter.ts'
import type { Recogniser } from '../netfilter/recogniser.ts'
import { parse, rulesOf, tablesOf, targetOf } from '../netfilter/ruleset.ts'

/** How many rules of each rule set are somebody's: those in their chains and into them, and their own in chains of others. */
export function ownedRules(node: NodeFacts, recogniser: Recogniser): { ruleset: RulesetName; rules: number }[] {
  return rulesetNames.flatMap((ruleset) => {
    const text = node.netfilter.rulesets[ruleset]
    if (!text) return []
    const parsed = parse(text, `${node.name}: ${ruleset}`)
    const claims = recogniser(parsed)
    const rules = tablesOf(parsed)
      .map((table) => {
        const own = claims.filter((claim) => claim.table === table.name)
        const chains = new Set(own.flatMap((claim) => claim.chains))
        const others = new Set(own.flatMap((claim) => claim.rules.map(({ text: rule }) => rule)))
        return rulesOf(table).filter(
          (rule) => chains.has(rule.chain) || chains.has(targetOf(rule) ?? '') || others.has(rule.text),
        ).length
      })
      .reduce((sum, count) => sum + count, 0)
    return rules === 0 ? [] : [{ ruleset, rules }]
  })
}

export const sumOf = (counts: readonly { rules: number }[]): number => counts.reduce((sum, { rules }) => sum + rules, 0)

/** The nodes on which somebody's rules stand, and how many. */
export function nodesWithRules({ nodes }: Facts, recogniser: Recogniser): { node: NodeFacts; rules: number }[] {
  return Object.values(nodes)
    .map((node) => ({ node, rules: sumOf(ownedRules(node, recogniser)) }))
    .filter(({ rules }) => rules > 0)
}

/** `s1: 12, s2: 9` */
export const rulesByNode = (found: readonly { node: NodeFacts; rules: number }[]): string =>
  found.map(({ node, rules }) => `${node.name}: ${rules}`).join(', ')
