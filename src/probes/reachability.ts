import type { Facts } from '../facts/facts.ts'
import type { ReachabilityFacts } from '../facts/reachability.ts'
import type { Nodes } from '../nodes/node.ts'
import { mustRun } from '../nodes/run.ts'
import { type Attempt, parseAttempts, targetLines } from './attempts.ts'
import { choosePairs } from './choose-pairs.ts'
import { locate, type Pair } from './pairs.ts'
import { probeScript } from './probe-script.ts'

/** After so long an attempt is given up, unless the caller waits longer. */
const usualAttemptMs = 1000
/** For nodes that are busy. */
const slackMs = 20_000

/** A measured pair, with what the server said: pods of the practice cluster name the source address that they saw. */
export type Measured = ReachabilityFacts[number] & { said: string | null }

/**
 * One new connection for each pair, on all nodes at once, from inside the pods' network namespaces. Pairs whose pods are
 * not there are missing from the result. Changes nothing.
 * @throws CommandFailed when a node has no bash or nsenter
 */
export async function measure(
  nodes: Nodes,
  pairs: readonly Pair[],
  facts: Facts,
  attemptMs = usualAttemptMs,
): Promise<Measured[]> {
  const targets = locate(pairs, facts)
  const byId = new Map(pairs.map((pair) => [pair.id, pair]))
  const results = await Promise.all(
    [...targets].map(async ([name, list]) => {
      const attempts = list.length === 0 ? [] : await probeOnce(nodes, name, targetLines(list), attemptMs)
      const addresses = new Map(list.map((target) => [target.id, target.address]))
      return attempts.flatMap((attempt): Measured[] => {
        const pair = byId.get(attempt.id)
        const address = addresses.get(attempt.id)
        if (!pair || address === undefined) return []
        const { outcome, durationMs, said } = attempt
        return [{ from: pair.from, to: pair.to, address, port: pair.port, outcome, durationMs, said }]
      })
    }),
  )
  const order = new Map(pairs.map((pair, index) => [`${pair.from}>${pair.to}:${pair.port}`, index]))
  const place = (one: Measured) => order.get(`${one.from}>${one.to}:${one.port}`) ?? 0
  return results.flat().toSorted((a, b) => place(a) - place(b))
}

async function probeOnce(nodes: Nodes, name: string, stdin: string, attemptMs: number): Promise<Attempt[]> {
  const argv = ['bash', '-c', probeScript, 'connect-probe', 'once', String(attemptMs)] as const
  const { stdout } = await mustRun(nodes.get(name), { argv, mode: 'read', stdin, timeoutMs: attemptMs + slackMs })
  return parseAttempts(stdout).attempts
}

/** Who reaches whom now, for the pairs that choosePairs chooses. */
export async function readReachability(
  nodes: Nodes,
  facts: Facts,
  externalTargets: readonly string[] = [],
): Promise<Measured[]> {
  return measure(nodes, choosePairs(facts, externalTargets), facts)
}
