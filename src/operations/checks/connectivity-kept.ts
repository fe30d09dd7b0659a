import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'

const pairOf = (attempt: { from: string; to: string; port: number }) =>
  `${attempt.from} -> ${attempt.to}:${attempt.port}`
const shown = (pairs: readonly string[]) =>
  `${pairs.slice(0, 10).join('; ')}${pairs.length > 10 ? `; and ${pairs.length - 10} more` : ''}`

/**
 * Who could talk to whom before and now. How a refusal looks does not count: what kube-router rejects, Cilium drops
 * (cilium.md §6.1). Both block: what is lost is an outage, what
 * policy forbade before and works now is a hole.
 */
export function connectivityKept(before: Facts | null, now: Facts): Finding[] {
  const title = 'who could talk before can talk now'
  if (!before?.reachability || !now.reachability)
    return [{ level: 'unknown', title, detail: `there is no record of ${before?.reachability ? 'now' : 'before'}` }]
  const after = new Map(now.reachability.map((attempt) => [pairOf(attempt), attempt.outcome]))
  const old = before.reachability.map((attempt) => ({ pair: pairOf(attempt), outcome: attempt.outcome }))
  const both = old.filter(({ pair }) => after.has(pair))
  const lost = both.filter(({ pair, outcome }) => outcome === 'ok' && after.get(pair) !== 'ok')
  const opened = both.filter(({ pair, outcome }) => outcome !== 'ok' && after.get(pair) === 'ok')
  const absent = old.filter(({ pair }) => !after.has(pair))
  const findings: Finding[] = [
    lost.length === 0
      ? {
          level: 'fine',
          title,
          detail: `${both.filter(({ outcome }) => outcome === 'ok').length} of ${old.length} pairs worked before; all of them do now`,
        }
      : {
          level: 'blocks',
          title,
          detail: `${lost.length} of ${old.length} pairs no longer work: ${shown(lost.map(({ pair, outcome: _ }) => `${pair} (${after.get(pair)})`))}`,
          fix: 'look for policies with ipBlock of pods, nodes or the API (cilium.md §6); or: migrate rollback',
        },
  ]
  if (opened.length > 0)
    findings.push({
      level: 'blocks',
      title: 'who could not talk before still cannot',
      detail: `${opened.length} pairs work now and did not: ${shown(opened.map(({ pair }) => pair))}`,
      fix: 'look whether the policy that forbade them means the same under Cilium (cilium.md §6); or: migrate rollback',
    })
  if (absent.length > 0)
    findings.push({
      level: 'warns',
      title: 'every pair of before was tried again',
      detail: `${absent.length} were not, because a pod is gone: ${shown(absent.map(({ pair }) => pair))}`,
    })
  return findings
}
