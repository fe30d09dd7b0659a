import type { EvidenceComparison, EvidenceCounts } from '../operations/evidence-counts.ts'
import { table } from './table.ts'

/** Before beside now, in numbers; nothing of pairs where nobody tried any. */
export function verifyTable({ before, now, pairs }: EvidenceComparison, width: number): string[] {
  const row = (name: string, of: (counts: EvidenceCounts) => number | null) => [name, shown(of(before)), shown(of(now))]
  const tried =
    before.pairs === null && now.pairs === null
      ? []
      : [
          row('pairs that connect', (counts) => counts.pairs?.worked ?? null),
          row('pairs that do not', (counts) => counts.pairs && counts.pairs.tried - counts.pairs.worked),
          ['pairs lost', '', String(pairs.lost)],
          ['pairs opened', '', String(pairs.opened)],
          ['pairs not comparable', '', String(pairs.notComparable)],
        ]
  return table(
    [
      ['', 'before', 'now'],
      ...tried,
      row('packets refused since the last sync of kube-router', (counts) => counts.rejected),
      row("kube-router's chains and rules", (counts) => counts.kubeRouter),
      row("kube-router's ipsets", (counts) => counts.ipsets),
      row("flannel's chains and rules", (counts) => counts.flannel),
    ],
    width,
  )
}

const shown = (count: number | null) => (count === null ? '-' : String(count))
