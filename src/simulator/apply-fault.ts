import { due } from './cluster/evolve.ts'
import type { Fault } from './faults.ts'
import { losePower } from './operator/disk.ts'
import type { OperatorProcess } from './operator/process.ts'
import type { Simulation } from './simulation.ts'

/** A share of a list, or of a span. */
const pick = <T>(list: readonly T[], chance: number): T | undefined => list[Math.floor(chance * list.length)]
const span = (fromMs: number, toMs: number, chance: number) => Math.round(fromMs + (toMs - fromMs) * chance)

/** Has one fault happen. @returns by throwing nothing: a process that dies of it finds out itself */
export function applyFault(simulation: Simulation, process: OperatorProcess, { kind, chance, at }: Fault): void {
  const { state } = simulation
  // Two digits choose the node, what is left the length.
  const node = pick(Object.values(state.nodes), (chance * 97) % 1)
  const server = pick(
    Object.values(state.nodes).filter(({ role }) => role === 'server'),
    (chance * 89) % 1,
  )
  if (!node || !server) return
  let on = ''
  switch (kind) {
    case 'kill':
      process.die()
      break
    case 'power-cut':
      losePower(simulation.disk, state)
      process.die()
      break
    case 'stop':
      process.stop.abort()
      break
    case 'abort':
      process.stop.abort()
      process.abort.abort()
      break
    case 'command-fails':
      simulation.nextCommand = 'fails'
      break
    case 'command-hangs':
      simulation.nextCommand = 'hangs'
      break
    case 'answer-lost':
      simulation.nextCommand = 'unanswered'
      break
    case 'connection-cut':
      simulation.nextCommand = 'cut'
      simulation.cutShare = chance
      break
    case 'node-off':
      on = node.name
      simulation.powerOff(node.name, span(20_000, 240_000, chance))
      break
    case 'agent-cuts-node':
      on = node.name
      node.agentCuts = true
      break
    case 'etcd-lags':
      on = server.name
      server.etcdLagsUntilMs = state.nowMs + span(2_000, 60_000, chance)
      due(state, `vote:${server.name}`, span(2_000, 60_000, chance) / state.pace)
      break
    case 'api-late':
      simulation.nextRequest = 'late'
      break
    case 'api-500':
      simulation.nextRequest = 'refused'
      break
    case 'api-answer-lost':
      simulation.nextRequest = 'unanswered'
      break
    case 'operator-clock-jumps':
      process.clockOffsetMs += span(-120_000, 120_000, chance)
      break
    case 'node-clock-jumps':
      on = node.name
      node.clockSkewMs += span(-90_000, 90_000, chance)
      due(state, `clock-set:${node.name}`, span(10_000, 300_000, chance) / state.pace)
      break
    case 'node-disk-full':
      on = node.name
      node.diskFull = true
      due(state, `disk-freed:${node.name}`, span(10_000, 180_000, chance) / state.pace)
      break
    case 'operator-disk-full':
      simulation.disk.full = true
      break
    case 'host-key-changed':
      on = node.name
      simulation.wrongKeys.add(node.name)
      break
    case 'second-operator':
      simulation.onSecondOperator()
      break
  }
  simulation.trace.push({ kind: 'fault', fault: kind, instant: at, on })
}
