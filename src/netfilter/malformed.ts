import { parse, type Rule, rulesOf, tablesOf, targetOf } from './ruleset.ts'

/** In IPVS mode kube-proxy ends this chain with a DROP for all that is left (kubernetes pkg/proxy/ipvs). */
const endsWithDrop = new Set(['KUBE-SOURCE-RANGES-FIREWALL'])
const verdicts = new Set(['ACCEPT', 'DROP', 'REJECT'])

/** Whether a rule matches every packet: nothing stands before its target but a comment. */
function isBare(rule: Rule): boolean {
  const matches = rule.words.slice(0, Math.max(rule.words.indexOf('-j'), 0))
  const comment = ['-m', 'comment', '--comment']
  return matches.length === 0 || (matches.length === 4 && comment.every((word, index) => matches[index] === word))
}

/**
 * Rules that lost their match, as they stand. kube-proxy, the kubelet and kube-router give every verdict in a KUBE-* chain of the
 * filter table a mark, a state or an address to match; a save and restore by an iptables of another version may strip it,
 * and a DROP of marked packets in KUBE-FIREWALL becomes a DROP of all. `text`: a rule set as iptables-save prints it.
 */
export function malformedRules(text: string): string[] {
  return tablesOf(parse(text))
    .filter((table) => table.name === 'filter')
    .flatMap(rulesOf)
    .filter((rule) => rule.chain.startsWith('KUBE-') && !endsWithDrop.has(rule.chain))
    .filter((rule) => verdicts.has(targetOf(rule) ?? '') && isBare(rule))
    .map((rule) => rule.text)
}

/** Number of rules in each table. */
export const ruleCounts = (text: string): Record<string, number> =>
  Object.fromEntries(tablesOf(parse(text)).map((table) => [table.name, rulesOf(table).length]))
