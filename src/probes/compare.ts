import type { ReachabilityFacts } from '../facts/reachability.ts'
import type { AttemptClass } from './attempts.ts'

type One = ReachabilityFacts[number]

export interface Compared {
  from: string
  to: string
  port: number
  before: AttemptClass | null
  after: AttemptClass | null
  /** `unknown`: not measured before or after, so nothing can be said. */
  verdict: 'same' | 'worse' | 'better' | 'unknown'
  /** What changed, in words; null: nothing worth saying. */
  note: string | null
}

/** The two pictures side by side, by name: addresses may have changed. In the order of `before`, then what is new. */
export function compareReachability(before: ReachabilityFacts, after: ReachabilityFacts): Compared[] {
  const key = (one: One) => `${one.from}>${one.to}:${one.port}`
  const now = new Map(after.map((one) => [key(one), one]))
  const then = new Map(before.map((one) => [key(one), one]))
  const keys = new Set([...then.keys(), ...now.keys()])
  return [...keys].flatMap((id) => {
    const one = then.get(id) ?? now.get(id)
    if (!one) return []
    const [was, is] = [then.get(id)?.outcome ?? null, now.get(id)?.outcome ?? null]
    return [{ from: one.from, to: one.to, port: one.port, before: was, after: is, ...judge(was, is) }]
  })
}

type Judgement = Pick<Compared, 'verdict' | 'note'>

function judge(before: AttemptClass | null, after: AttemptClass | null): Judgement {
  if (before === null) return { verdict: 'unknown', note: 'was not measured before' }
  if (after === null) return { verdict: 'unknown', note: 'is not there any more' }
  if (!isMeasured(before) || !isMeasured(after)) return { verdict: 'unknown', note: `${before} before, ${after} now` }
  const [worked, works] = [before === 'ok', after === 'ok']
  if (worked && !works) return { verdict: 'worse', note: `worked before, now: ${after}` }
  if (!worked && works)
    return { verdict: 'better', note: `${before} before, works now: make sure that no policy was meant to forbid it` }
  // A refusal may look like a time-out in flannel's world (measured.md 12), and always does in Cilium's.
  return { verdict: 'same', note: before === after ? null : `still no connection: ${before} before, ${after} now` }
}

function isMeasured(outcome: AttemptClass): boolean {
  return outcome !== 'no-netns' && outcome !== 'other'
}
