import { isIP } from 'node:net'
import type { Facts } from '../facts/facts.ts'
import type { Nodes } from '../nodes/node.ts'
import { type Answering, portsToAsk } from './matrix-candidates.ts'
import { pair } from './pairs.ts'
import { type Measured, measure } from './reachability.ts'

/** A web page behind a tarpit takes five seconds (seed 003), and is a web page all the same. */
const patientMs = 7_000

/** Which ports of pods answer. A refusal is believed when it comes twice, and silence to a question only after a while. */
export async function askPorts(nodes: Nodes, facts: Facts): Promise<Answering> {
  const wanted = portsToAsk(facts)
  const http = new Set(wanted.filter(({ kind }) => kind === 'http').map(nameOf))
  const first = await measure(nodes, wanted, facts)
  const again = first.filter((one) => one.outcome === 'refused').map((one) => pair(one.from, one.to, one.port))
  const slow = first.filter((one) => one.outcome === 'timeout' && http.has(nameOf(one)))
  const [refused, waited] = await Promise.all([
    measure(nodes, again, facts),
    measure(
      nodes,
      slow.map((one) => pair(one.from, one.to, one.port, 'http')),
      facts,
      patientMs,
    ),
  ])
  const silent = new Set(refused.filter(({ outcome }) => outcome === 'refused').map(nameOf))
  const answered = new Set([...first, ...waited].filter(({ outcome }) => outcome === 'ok').map(nameOf))
  return new Map(
    first.map((one) => {
      const name = nameOf(one)
      return [name, silent.has(name) ? null : { http: http.has(name) && answered.has(name) }]
    }),
  )
}

const nameOf = ({ to, port }: { to: string; port: number }) => `${to}:${port}`

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
