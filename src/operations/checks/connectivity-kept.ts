import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { pairAllowed } from '../../probes/pair-allowed.ts'
import { shownList } from './shown-list.ts'

const pairOf = (attempt: { from: string; to: string; port: number }) =>
  `${attempt.from} -> ${attempt.to}:${attempt.port}`

/**
 * Who could talk to whom before and now. How a refusal looks does not count: what kube-router rejects, Cilium drops
 * (cilium.md §6.1). What is lost is an outage, and blocks. What failed before and works now is what the move is for, where
 * policies allow it (kube-router refuses that too while it writes its rules); where they forbid it, it is a hole.
 * @param hole what that is: it blocks, unless nothing is to enforce policies
 */
export function connectivityKept(before: Facts | null, now: Facts, hole: 'blocks' | 'warns' = 'blocks'): Finding[] {
  const title = 'who could talk before can talk now'
  if (!before?.reachability || !now.reachability)
    return [{ level: 'unknown', title, detail: `there is no record of ${before?.reachability ? 'now' : 'before'}` }]
  const after = new Map(now.reachability.map((attempt) => [pairOf(attempt), attempt.outcome]))
  const old = before.reachability.map((attempt) => ({ ...attempt, pair: pairOf(attempt) }))
  const both = old.filter(({ pair }) => after.has(pair))
  const gone = both.filter(({ pair, outcome }) => outcome === 'ok' && after.get(pair) !== 'ok')
  // Where nobody enforced policies before, what they forbid is lost by enforcing them.
  const isMeant = (pair: Opened) => !isEnforced(before) && pairAllowed(now, pair, 'kube-router') === false
  const [closed, lost] = [gone.filter(isMeant), gone.filter((pair) => !isMeant(pair))]
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
          detail: `${lost.length} of ${old.length} pairs no longer work: ${shownList(lost.map(({ pair }) => `${pair} (${after.get(pair)})`))}`,
          fix: 'look for policies with ipBlock of pods, nodes or the API (cilium.md §6); or: migrate rollback',
        },
  ]
  if (closed.length > 0)
    findings.push({
      level: 'warns',
      title: 'what policies forbid is closed now',
      detail: `${closed.length} pairs worked before, when K3s' policy controller was switched off, and NetworkPolicies forbid them: ${shownList(closed.map(({ pair }) => pair))}`,
      fix: 'see that nobody relies on them',
    })
  return [...findings, ...openedPairs(now, opened, hole), ...absentPairs(absent.map(({ pair }) => pair))]
}

const isEnforced = ({ nodes }: Facts): boolean =>
  Object.values(nodes).some(
    ({ unit, k3s }) => unit.role === 'server' && k3s.flags['disable-network-policy']?.value !== 'true',
  )

type Opened = Pick<NonNullable<Facts['reachability']>[number], 'from' | 'to' | 'port'>

function openedPairs(now: Facts, opened: readonly Opened[], hole: 'blocks' | 'warns'): Finding[] {
  const by = Map.groupBy(opened, (one) => pairAllowed(now, one, 'cilium'))
  const names = (allowed: boolean | null) => (by.get(allowed) ?? []).map(pairOf)
  const [forbidden, allowed, unknown] = [names(false), names(true), names(null)]
  const title = 'who could not talk before still cannot'
  const findings: Finding[] = []
  if (forbidden.length > 0)
    findings.push({
      level: hole,
      title,
      detail: `${forbidden.length} pairs work now and did not, and NetworkPolicies forbid them: ${shownList(forbidden)}`,
      fix: 'look whether the policy that forbids them is enforced (cilium.md §6); or: migrate rollback',
    })
  if (unknown.length > 0)
    findings.push({
      level: 'warns',
      title,
      detail: `${unknown.length} pairs work now and did not, and it cannot be told what NetworkPolicies say of them: ${shownList(unknown)}`,
      fix: 'look whether a policy was meant to forbid them',
    })
  if (allowed.length > 0)
    findings.push({
      level: 'fine',
      title: 'what policies allow works',
      detail: `${allowed.length} pairs failed before although NetworkPolicies allow them, and work now: ${shownList(allowed)}`,
    })
  return findings
}

function absentPairs(absent: readonly string[]): Finding[] {
  if (absent.length === 0) return []
  return [
    {
      level: 'warns',
      title: 'every pair of before was tried again',
      detail: `${absent.length} were not, because a pod is gone: ${shownList(absent)}`,
    },
  ]
}
