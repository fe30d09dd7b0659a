import { isIP } from 'node:net'
import type { Facts } from '../facts/facts.ts'
import type { Nodes } from '../nodes/node.ts'
import { type Answering, portsToAsk } from './matrix.ts'
import { pair } from './pairs.ts'
import { type Measured, measure } from './reachability.ts'

/** Which ports of pods answer. A refusal is believed when it comes twice. */
export async function askPorts(nodes: Nodes, facts: Facts): Promise<Answering> {
  const wanted = portsToAsk(facts)
  const refused = (list: readonly Measured[]) => list.filter((one) => one.outcome === 'refused')
  const first = await measure(nodes, wanted, facts)
  const again = await measure(
    nodes,
    refused(first).map((one) => pair(one.from, one.to, one.port)),
    facts,
  )
  const silent = new Set(refused(again).map((one) => `${one.to}:${one.port}`))
  const http = new Set(wanted.filter(({ kind }) => kind === 'http').map(({ to, port }) => `${to}:${port}`))
  return new Map(
    first.map(({ to, port, outcome }) => {
      const name = `${to}:${port}`
      return [name, silent.has(name) ? null : { http: outcome === 'ok' && http.has(name) }]
    }),
  )
}

export function silentPorts(answering: Answering): string[] {
  const names = [...answering].flatMap(([name, answer]) => (answer === null ? [name] : []))
  return names.length === 0 ? [] : [`nothing listens on ${names.join(', ')}, although the pod's containers name it`]
}

/** A server that says one address says whom it saw: the pods of the practice cluster, and what echoes requests. */
export function sourcesSeen(measured: readonly Measured[]): Map<string, string> {
  return new Map(
    measured.flatMap(({ from, to, port, said }) => {
      const addresses = (said ?? '').split(/[^0-9A-Fa-f.:]+/).filter((word) => isIP(word) !== 0)
      const [only, second] = new Set(addresses)
      return only !== undefined && second === undefined ? [[pair(from, to, port).id, only] as const] : []
    }),
  )
}
