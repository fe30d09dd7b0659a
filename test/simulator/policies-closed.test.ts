import { expect, test } from 'vitest'
import { prepare, type Scenario } from '../../src/simulator/base.ts'
import { prepareScenario, runSeed } from '../../src/simulator/campaign.ts'
import { differences, endStateOf, reachLines } from '../../src/simulator/end-state.ts'
import { formatFaults } from '../../src/simulator/faults.ts'
import { type Alter, play, unaltered } from '../../src/simulator/play.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'

const scenario: Scenario = {
  ...{ servers: 3, agents: 2, hostPort: true, flags: 'mixed', order: 'live-closed', tunnelPort: 8473 },
}

/** Looks after every change of a task, and again when it was seen to be done. */
const watching =
  (look: (simulation: Simulation, stepId: string) => void): Alter =>
  (context, simulation) => ({
    ...context,
    runbook: {
      ...context.runbook,
      phases: (params, facts) =>
        context.runbook.phases(params, facts).map((phase) => ({
          ...phase,
          steps: phase.steps.map((step) => {
            if (step.kind !== 'change') return step
            const { operation } = step
            return {
              ...step,
              operation: {
                ...operation,
                async apply(world, target, change, task) {
                  await operation.apply(world, target, change, task)
                  look(simulation, step.id)
                },
                async verify(world, target, change, task) {
                  await operation.verify(world, target, change, task)
                  look(simulation, step.id)
                },
              },
            }
          }),
        })),
    },
  })

/** Pairs of pods on different nodes that policies keep apart, which got through at some time: with the steps in which they did. */
async function leaks(order: Scenario['order']): Promise<string[]> {
  const base = await prepare({ ...scenario, order })
  const { state } = base.simulation
  const apart = new Set(reachLines(state).flatMap((line) => (line.endsWith(': timeout') ? [line.split(':')[0]] : [])))
  const nodeOf = (name: string) => state.pods.find((pod) => `${pod.namespace}/${pod.name}` === name)?.node
  const seen = new Set<string>()
  const look = (simulation: Simulation, stepId: string) => {
    for (const line of reachLines(simulation.state)) {
      const [pair = '', outcome] = line.split(': ')
      const [from = '', to = ''] = pair.split(' -> ')
      if (outcome === 'ok' && apart.has(pair) && nodeOf(from) !== nodeOf(to)) seen.add(`${pair} in ${stepId}`)
    }
  }
  expect(apart.size).toBeGreaterThan(5)
  expect(await play(base.simulation.fork(), base, 'forward', 'stop', watching(look))).toBe('finished')
  return [...seen]
}

test('what policies keep apart stays apart from the first step to the last; with policies open it does not', async () => {
  expect(await leaks('live-closed')).toEqual([])
  expect((await leaks('live')).length).toBeGreaterThan(5)
})

test('the same end as with policies open, and the whole way back', async () => {
  const { base, end } = await prepareScenario(scenario)
  const open = await prepareScenario({ ...scenario, order: 'live' })
  expect(differences(open.end, end)).toEqual([])
  const origin = endStateOf(base.simulation.state)
  const simulation = base.simulation.fork()
  expect(await play(simulation, base, 'forward', 'stop', unaltered)).toBe('finished')
  expect(await play(simulation, base, 'back', 'stop', unaltered)).toBe('rolled-back')
  await simulation.idle(60_000)
  expect(differences(origin, endStateOf(simulation.state))).toEqual([])
})

test('every promise is kept, whatever goes wrong', async () => {
  const prepared = await prepareScenario(scenario)
  for (let seed = 1; seed <= 40; seed++) {
    const { faults, broken } = await runSeed(prepared, seed)
    expect(broken, `seed ${seed}: ${formatFaults(faults)}`).toEqual([])
  }
})
