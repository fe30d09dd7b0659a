import { type Base, prepare, type Scenario } from './base.ts'
import { differences, type EndState, endStateOf } from './end-state.ts'
import { type Fault, type FaultKind, faultKinds } from './faults.ts'
import { type Alter, play, runState, secondOperator, unaltered } from './play.ts'
import { brokenPromises } from './promises/all.ts'
import { between, nextRandom, oneOf, type RandomState } from './random.ts'
import type { Simulation } from './simulation.ts'

export const scenarios: readonly [Scenario, ...Scenario[]] = [
  { servers: 3, agents: 2, hostPort: true, flags: 'mixed', order: 'staged', tunnelPort: 8473 },
  { servers: 3, agents: 1, hostPort: false, flags: 'nowhere', order: 'staged', tunnelPort: 8473 },
  { servers: 3, agents: 2, hostPort: true, flags: 'config', order: 'seed', tunnelPort: 8473 },
  { servers: 3, agents: 0, hostPort: false, flags: 'unit', order: 'seed', tunnelPort: 8472 },
  { servers: 3, agents: 2, hostPort: true, flags: 'mixed', order: 'live', tunnelPort: 8473 },
  { servers: 3, agents: 1, hostPort: false, flags: 'nowhere', order: 'live', tunnelPort: 8473 },
]

/** A scenario that was planned, and where it ends when nobody disturbs it. */
export interface Prepared {
  base: Base
  end: EndState
  /** A run that nobody disturbs, stopped by its operator before each change: seeds begin at one of these moments. */
  moments: readonly Simulation[]
}

/** After each process that did not come to an end the operator lets the cluster alone for a while. */
const idleMs = 60_000
/** So many processes without a new fault may be needed to come to the end. */
const triesToEnd = 6

/** Does one change, and stops before the next. */
function oneChange(): Alter {
  let asked = 0
  const confirm = async () => (asked++ === 0 ? ('go' as const) : ('stop' as const))
  return (context) => ({ ...context, operator: { ...context.operator, confirm } })
}

export async function prepareScenario(scenario: Scenario): Promise<Prepared> {
  const base = await prepare(scenario)
  const whole = base.simulation.fork()
  const end = await play(whole, base, 'forward', 'stop', unaltered)
  if (end !== 'finished') throw new Error(`a run that nobody disturbs ended otherwise: ${JSON.stringify(end)}`)
  await whole.idle(idleMs)
  const moments = [base.simulation.fork()]
  const step = base.simulation.fork()
  while ((await play(step, base, 'forward', 'stop', oneChange())) !== 'finished') moments.push(step.fork())
  return { base, end: endStateOf(whole.state), moments }
}

export interface SeedResult {
  seed: number
  faults: Fault[]
  /** Sentences; empty: every promise was kept. */
  broken: string[]
  reached: FaultKind[]
  /** How often an agent took its node off the network. */
  cutOffs: number
  /** Distinct states of the journal that processes ended in. */
  states: string[]
  processes: number
  /** What each process did and how it ended, for whoever replays a seed. */
  story: string[]
}

interface Schedule {
  /** Which of the moments it begins at. */
  moment: number
  faults: Fault[]
  goal: 'forward' | 'back'
  pace: number
  random: RandomState
}

/** About as many instants as some steps take: what goes wrong goes wrong soon, the rest is then only to be survived. */
const instantsOfFaults = 1_200

/** Where it begins, what goes wrong, and which way is gone: all by the seed. The process at hand is killed after the last fault. */
export function scheduleOf(seed: number, moments: readonly Simulation[]): Schedule {
  const random: RandomState = { random: seed }
  const goal = nextRandom(random) < 0.7 ? 'forward' : 'back'
  const pace = nextRandom(random) < 0.1 ? 1 : 0.25
  const moment = between(random, 0, moments.length - 1)
  const from = moments[moment]?.instants ?? 0
  const faults = Array.from({ length: between(random, 1, 4) }, () => ({
    at: between(random, from + 1, from + instantsOfFaults),
    kind: oneOf(random, faultKinds as unknown as [FaultKind, ...FaultKind[]]),
    chance: Math.round(nextRandom(random) * 1e6) / 1e6,
  })).sort((a, b) => a.at - b.at)
  const at = (faults.at(-1)?.at ?? from) + between(random, 1, 400)
  return { moment, goal, pace, random, faults: [...faults, { at, kind: 'kill', chance: 0 }] }
}

const short = (end: unknown) => JSON.stringify(end).slice(0, 300)

/** Runs one seed on one prepared scenario. `faults` replaces the seed's own. */
export async function runSeed(
  { base, end, moments }: Prepared,
  seed: number,
  given?: readonly Fault[],
  alter: Alter = unaltered,
): Promise<SeedResult> {
  const { faults: ofSeed, goal, moment, pace, random } = scheduleOf(seed, moments)
  const faults = [...(given ?? ofSeed)]
  const simulation = (moments[moment] ?? base.simulation).fork()
  simulation.state.random = random.random
  simulation.state.pace = pace
  simulation.faults = faults
  simulation.onSecondOperator = () => secondOperator(simulation, base)
  const broken: string[] = []
  const states = new Set<string>()
  const story: string[] = []
  const step = async (one: Simulation, what: 'forward' | 'back', drift: 'accept' | 'stop') => {
    const ended = await play(one, base, what, drift, alter).catch((error: unknown) => {
      broken.push(`an error that no operator is to see: ${error instanceof Error ? error.stack : error}`.slice(0, 600))
      return { error: String(error) }
    })
    story.push(`${what} until instant ${one.instants}: ${short(ended)}`)
    const state = await runState(one)
    states.add(
      `${state.direction} ${state.checkpoints.at(-1)} ${[...state.steps.values()].flatMap((s) => [...s.tasks.values()].map((t) => t.status)).join(' ')}`,
    )
    return ended
  }
  const pending = () => faults.some(({ at }) => at > simulation.instants)

  let what: 'forward' | 'back' = 'forward'
  for (let tries = 0; tries < 12; tries++) {
    const ended = await step(simulation, what, 'stop')
    if (ended === 'finished' || ended === 'rolled-back') break
    // Somebody else may come just while nobody is there.
    if (nextRandom(simulation.state) < 0.3) secondOperator(simulation, base)
    await simulation.idle(idleMs)
    if (!pending()) break
    if (goal === 'back') what = 'back'
  }
  simulation.faults = []
  // Whoever came second is gone by then: it is a process of this simulation, and a fork has none.
  await simulation.idle(idleMs)

  /** Until it is at its end. */
  const toTheEnd = async (one: Simulation, way: 'forward' | 'back', wanted: EndState, promise: string) => {
    const goalOf = way === 'forward' ? 'finished' : 'rolled-back'
    for (let tries = 0; tries < triesToEnd; tries++) {
      await one.idle(idleMs)
      if ((await step(one, way, tries < 2 ? 'stop' : 'accept')) === goalOf) {
        await one.idle(idleMs)
        const different = differences(wanted, endStateOf(one.state))
        broken.push(...different.slice(0, 8).map((line) => `${promise}: ${line.slice(0, 300)}`))
        broken.push(...brokenPromises({ base, trace: one.trace, simulation: one }))
        return
      }
    }
    broken.push(`${promise}: did not come to its end: ${story.slice(-2).join(' | ')}`)
  }
  const origin = endStateOf(base.simulation.state)
  const { direction, finished, runId } = await runState(simulation)
  if (finished !== 'rolled-back' && runId !== null) await toTheEnd(simulation.fork(), 'back', origin, 'P8')
  if (finished !== 'rolled-back' && direction === 'forward') await toTheEnd(simulation, 'forward', end, 'P7')
  const reached = simulation.trace.flatMap((entry) => (entry.kind === 'fault' ? [entry.fault] : []))
  const cutOffs = Object.values(simulation.state.nodes).reduce((sum, node) => sum + node.cutOffs.length, 0)
  const processes = simulation.trace.filter((entry) => entry.kind === 'process' && entry.event === 'begins').length
  return { seed, faults, broken: [...new Set(broken)], reached, cutOffs, states: [...states], processes, story }
}
