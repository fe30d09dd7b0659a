import type { Facts } from '../facts/facts.ts'
import { compareReachability } from '../probes/compare.ts'
import type { Owner } from './netfilter-claimants.ts'
import { purgeOf } from './netfilter-purged.ts'

/** What evidence comes to, of all nodes together. */
export interface EvidenceCounts {
  /** Pairs that were tried, and those of them that could connect; null: nobody tried. */
  pairs: { tried: number; worked: number } | null
  /** Packets that kube-router's REJECT rules counted since its last sync; null: not read. */
  rejected: number | null
  /** What of theirs is in the rule sets: chains, and rules in chains of others. */
  kubeRouter: number
  flannel: number
  /** kube-router's ipsets. */
  ipsets: number
}

export function countEvidence(facts: Facts): EvidenceCounts {
  const nodes = Object.values(facts.nodes)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
  const inRulesets = (owner: Owner) =>
    sum(
      nodes
        .flatMap((node) => Object.values(purgeOf(node, owner)?.rulesets ?? {}))
        .flatMap((removal) => Object.values(removal ?? {}))
        .map(({ chains, rules }) => chains.length + rules.length),
    )
  const rejected = nodes.flatMap(({ netfilter }) => (netfilter.rejected === undefined ? [] : [netfilter.rejected]))
  const tried = facts.reachability
  return {
    pairs: tried && { tried: tried.length, worked: tried.filter(({ outcome }) => outcome === 'ok').length },
    rejected: rejected.length === 0 ? null : sum(rejected),
    kubeRouter: inRulesets('kube-router'),
    flannel: inRulesets('flannel'),
    ipsets: sum(nodes.map((node) => purgeOf(node, 'kube-router')?.ipsets.length ?? 0)),
  }
}

/** Before beside now, and what became of the pairs. */
export interface EvidenceComparison {
  before: EvidenceCounts
  now: EvidenceCounts
  /** Worked before and not now; the other way round; tried only once of the two times, or without a result. */
  pairs: { lost: number; opened: number; notComparable: number }
}

export function compareEvidence(before: Facts, now: Facts): EvidenceComparison {
  const verdicts = compareReachability(before.reachability ?? [], now.reachability ?? []).map(({ verdict }) => verdict)
  const of = (wanted: (typeof verdicts)[number]) => verdicts.filter((verdict) => verdict === wanted).length
  return {
    before: countEvidence(before),
    now: countEvidence(now),
    pairs: { lost: of('worse'), opened: of('better'), notComparable: of('unknown') },
  }
}
