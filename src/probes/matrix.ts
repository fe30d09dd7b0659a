import { isIP } from 'node:net'
import type { Facts } from '../facts/facts.ts'
import type { Series } from './evidence.ts'
import { type Answering, type Candidate, candidates, type MatrixPair } from './matrix-candidates.ts'
import { pair, withoutQuestion } from './pairs.ts'
import { compare, varied } from './varied.ts'

/** How many pairs of each sort are chosen at most, of those that policies allow and those that they deny. About 60 in all. */
const quotas: Record<Series['sort'], { allowed: number; denied: number }> = {
  'same-node': { allowed: 8, denied: 3 },
  'cross-node': { allowed: 12, denied: 5 },
  service: { allowed: 8, denied: 2 },
  node: { allowed: 6, denied: 3 },
  'host-port': { allowed: 6, denied: 1 },
  dns: { allowed: 6, denied: 1 },
  api: { allowed: 4, denied: 1 },
  external: { allowed: 4, denied: 0 },
}

/** Besides: from nodes whose hostNetwork pods a policy means to let in, and does not (seed 003). */
const meantQuota = 8

/**
 * The pairs that are watched: on one node and on two, with policies that select either end and without, allowed and denied,
 * from nodes (which hostNetwork pods are to a policy), to Services, DNS, the API, host ports from another node, and outside.
 * The same facts give the same pairs, in whatever order they are listed.
 * @param again pairs of an earlier time, to be watched instead
 */
export function chooseMatrix(
  facts: Facts,
  answering: Answering,
  externalTargets: readonly string[] = [],
  again: readonly Series[] = [],
): MatrixPair[] {
  const found = candidates(facts, answering, externalTargets)
  return again.length === 0 ? withQuestions(choose(found), externalTargets) : asBefore(again, found)
}

/** The same pairs, with what policies say of them now; what would not be chosen any more keeps what they said then. */
function asBefore(again: readonly Series[], found: readonly Candidate[]): MatrixPair[] {
  const now = new Map(found.map((one) => [one.id, pairOf(one)]))
  return again.map(({ id, from, to, port, kind, fromNode, toNode, sort, fromSelected, toSelected, allowed }) => {
    const then = { id, from, to, port, kind, fromNode, toNode, sort, fromSelected, toSelected, allowed }
    const same = now.get(pair(from, withoutQuestion(to), port).id)
    return same ? { ...then, ...same, id, to, kind } : then
  })
}

/** Of each sort, evenly of what is selected and what is not, those that have the least in common. */
function choose(found: readonly Candidate[]): MatrixPair[] {
  const unique = [...new Map(found.map((one) => [one.id, one])).values()]
  const meant = evenly(
    unique.filter((one) => one.meant),
    meantQuota,
    (one) => String(one.allowed),
  )
  const bySort = Map.groupBy(
    unique.filter((one) => !meant.includes(one)),
    ({ sort }) => sort,
  )
  const chosen = Object.entries(quotas).flatMap(([sort, quota]) => {
    const list = bySort.get(sort as Series['sort']) ?? []
    const undecided = sort === 'node' ? [] : list.filter(({ allowed }) => allowed === null)
    return [
      ...evenly([...list.filter(({ allowed }) => allowed === true), ...undecided], quota.allowed),
      ...evenly(
        list.filter(({ allowed }) => allowed === false),
        quota.denied,
      ),
    ]
  })
  return [...meant, ...chosen].map(pairOf)
}

/** DNS is asked for its own Service, for names outside, and for the Services among the chosen pairs, in turn. */
function withQuestions(chosen: readonly MatrixPair[], externalTargets: readonly string[]): MatrixPair[] {
  const outside = externalTargets.map((target) => target.replace(/:\d+$/, '')).filter((host) => isName(host))
  const services = chosen.flatMap(({ to }) => /^service:(.*)$/.exec(to)?.[1] ?? [])
  const questions = ['', ...new Set([...outside.slice(0, 1), ...services])].map((name) =>
    name === '' ? '' : `@${name}`,
  )
  let turn = 0
  return chosen.map((one) => {
    if (one.sort !== 'dns') return one
    const to = `${one.to}${questions[turn++ % questions.length]}`
    return { ...one, ...pair(one.from, to, one.port, one.kind) }
  })
}

/** What can be asked for, and is no address. */
const isName = (host: string) => isIP(host) === 0 && /^([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}$/.test(host)

const pairOf = ({ traits: _, meant: __, ...one }: Candidate): MatrixPair => one
const bySelection = (one: Candidate) => `${one.fromSelected} ${one.toSelected}`

function evenly(list: readonly Candidate[], count: number, groupOf = bySelection): Candidate[] {
  const groups = [...Map.groupBy(list, groupOf)]
    .toSorted(([a], [b]) => compare(a, b))
    .map(([, group]) => varied(group, count))
  const chosen: Candidate[] = []
  for (let at = 0; chosen.length < count && at < count; at++) {
    chosen.push(...groups.flatMap((group) => group.slice(at, at + 1)).slice(0, count - chosen.length))
  }
  return chosen
}
