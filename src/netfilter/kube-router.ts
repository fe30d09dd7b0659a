import type { Recogniser } from './recogniser.ts'
import { chainsOf, type Rule, rulesOf, tablesOf } from './ruleset.ts'

/**
 * Chains of kube-router's policy controller: the fixed names and those made of 16 base32 digits, nothing that merely begins
 * alike. Versions 1.21 to 2.6, and upstream's -TAIL (k3s-kube-router.md §4.2, §4.3, §4.8).
 */
const chainName = /^KUBE-(ROUTER-(INPUT|FORWARD|OUTPUT)|NWPLCY-(DEFAULT|COMMON|TAIL|[A-Z2-7]{16})|POD-FW-[A-Z2-7]{16})$/

const sentence = 'rule to explicitly ACCEPT traffic that comply to network policies'
const mark = ['-m', 'mark', '--mark', '0x20000/0x20000']

/** The explicit ACCEPT in a built-in chain, word for word; before the fork named itself in it, and since (k3s#7203, k3s#7251). */
const explicitAccepts = new Set(
  [sentence, `KUBE-ROUTER ${sentence}`]
    .map((text) => ['-m', 'comment', '--comment', text])
    .flatMap((comment) => [
      [...comment, ...mark],
      [...mark, ...comment],
    ])
    .map((words) => JSON.stringify([...words, '-j', 'ACCEPT'])),
)

const isExplicitAccept = (rule: Rule) =>
  ['INPUT', 'FORWARD', 'OUTPUT'].includes(rule.chain) && explicitAccepts.has(JSON.stringify(rule.words))

/** What kube-router left in the filter table. Duplicates over restarts included (measured.md 13). */
export const kubeRouter: Recogniser = (ruleset) =>
  tablesOf(ruleset)
    .filter((table) => table.name === 'filter')
    .map((table) => ({
      table: table.name,
      chains: chainsOf(table)
        .map((chain) => chain.name)
        .filter((name) => chainName.test(name)),
      rules: rulesOf(table).filter(isExplicitAccept),
    }))
