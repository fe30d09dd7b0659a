import type { Facts } from '../facts/facts.ts'
import type { Nodes } from '../nodes/node.ts'
import type { AttemptClass } from './attempts.ts'
import { type LargeResult, sendLarge } from './large-packets.ts'
import { locate, type Pair } from './pairs.ts'
import { measure } from './reachability.ts'
import { dnsPairs, type HostPortPair, hostPortPairs, policyPairs, type StatePair, serversToAsk } from './state-pairs.ts'

/** A pair and how its attempts ended: one, or three where the first was not as it has to be. */
export type Tried<P extends Pair = StatePair> = P & { outcomes: AttemptClass[] }

/** Large packets from one node's pods to another's. */
export interface LargePath {
  fromNode: string
  toNode: string
  /** Of each pair that was tried; empty: no pair connects between these nodes. */
  results: { from: string; to: string; port: number; result: LargeResult }[]
}

/** What the cluster does, beside what its objects say that it has to do. */
export interface ProbedState {
  policies: Tried[]
  dns: Tried[]
  hostPorts: Tried<HostPortPair>[]
  /** By its own address, the pod behind a host port answers to that port's source. */
  direct: Record<string, boolean>
  large: LargePath[]
}

const tries = 3
const pairsPerPath = 2

/** Looks at who reaches whom, now. Changes nothing. */
export async function probeState(nodes: Nodes, facts: Facts): Promise<ProbedState> {
  const asked = await tryOnce(nodes, facts, serversToAsk(facts))
  const answering = new Set([...asked].flatMap(([id, outcome]) => (outcome === 'ok' ? [nameIn(id)] : [])))
  const policies = policyPairs(facts, answering)
  const dns = dnsPairs(facts)
  const hostPorts = hostPortPairs(facts)
  const direct = hostPorts.map((one) => one.direct)
  const wanted = new Map([
    ...[...policies, ...dns].map((one) => [one.id, one.allowed] as const),
    ...[...hostPorts, ...direct].map((one) => [one.id, true] as const),
  ])
  const all = [...policies, ...dns, ...hostPorts, ...direct]
  const outcomes = new Map<string, AttemptClass[]>()
  let left: Pair[] = [...new Map(all.map((one) => [one.id, one])).values()]
  for (let round = 0; round < tries && left.length > 0; round++) {
    const found = await tryOnce(nodes, facts, left)
    for (const [id, outcome] of found) outcomes.set(id, [...(outcomes.get(id) ?? []), outcome])
    left = left.filter(({ id }) => found.has(id) && (found.get(id) === 'ok') !== wanted.get(id))
  }
  const tried = <P extends Pair>(list: readonly P[]) =>
    list.flatMap((one): Tried<P>[] => {
      const seen = outcomes.get(one.id)
      return seen ? [{ ...one, outcomes: seen }] : []
    })
  const connects = tried([...policies]).filter((one) => one.outcomes.at(-1) === 'ok')
  return {
    policies: tried(policies),
    dns: tried(dns),
    hostPorts: tried(hostPorts),
    direct: Object.fromEntries(direct.map(({ id }) => [id, outcomes.get(id)?.at(-1) === 'ok'])),
    large: await largePaths(nodes, facts, connects),
  }
}

const nameIn = (id: string) => id.replace(/^[^>]*>/, '').replace(/:\d+$/, '')

async function tryOnce(nodes: Nodes, facts: Facts, pairs: readonly Pair[]): Promise<Map<string, AttemptClass>> {
  const measured = await measure(nodes, pairs, facts)
  return new Map(measured.map((one) => [`${one.from}>${one.to}:${one.port}`, one.outcome]))
}

/** Only where a connection works can it be told that large packets do not: each ordered pair of nodes by some of those. */
async function largePaths(nodes: Nodes, facts: Facts, connects: readonly StatePair[]): Promise<LargePath[]> {
  const names = Object.keys(facts.nodes)
  const paths = names.flatMap((fromNode) =>
    names
      .filter((toNode) => toNode !== fromNode)
      .map((toNode) => ({
        fromNode,
        toNode,
        pairs: connects
          .filter((one) => one.fromNode === fromNode && one.toNode === toNode)
          // The same tunnel, and what it is made for: pods first, then the node itself.
          .toSorted((a, b) => Number(a.from.startsWith('node:')) - Number(b.from.startsWith('node:')))
          .slice(0, pairsPerPath),
      })),
  )
  const targets = locate(
    paths.flatMap(({ pairs }) => pairs),
    facts,
  )
  const found = await Promise.all([...targets].map(([name, list]) => sendLarge(nodes, name, list)))
  const results = new Map(found.flatMap((one) => [...one]))
  return paths.map(({ fromNode, toNode, pairs }) => ({
    fromNode,
    toNode,
    results: pairs.map(({ id, from, to, port }) => ({ from, to, port, result: results.get(id) ?? 'stuck' })),
  }))
}
