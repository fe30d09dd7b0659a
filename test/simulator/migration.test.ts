import { expect, test } from 'vitest'
import { prepareScenario, runSeed, scenarios } from '../../src/simulator/campaign.ts'
import { differences, endStateOf } from '../../src/simulator/end-state.ts'
import { play, unaltered } from '../../src/simulator/play.ts'

test.each(
  scenarios,
)('$servers servers, $agents agents, $order: a whole migration and its way back', async (scenario) => {
  const { base, end } = await prepareScenario(scenario)
  const origin = endStateOf(base.simulation.state)
  const simulation = base.simulation.fork()
  expect(await play(simulation, base, 'forward', 'stop', unaltered)).toBe('finished')
  const moved = Object.values(simulation.state.nodes)
    .flatMap(({ sandboxes }) => sandboxes)
    .filter(({ ready, network }) => ready && network !== 'host')
  expect(new Set(moved.map(({ network }) => network))).toEqual(new Set(['cilium']))
  expect(differences(origin, end).length).toBeGreaterThan(100)
  // Who reaches whom is the same on either network, denied pairs included.
  expect(end.reach).toEqual(origin.reach)
  expect(new Set(end.reach?.map((line) => line.split(': ')[1]))).toEqual(new Set(['ok', 'timeout']))
  expect(await play(simulation, base, 'back', 'stop', unaltered)).toBe('rolled-back')
  await simulation.idle(60_000)
  expect(differences(origin, endStateOf(simulation.state))).toEqual([])
})

test('the same seed is the same run', async () => {
  const prepared = await prepareScenario(scenarios[0])
  const [first, second] = [await runSeed(prepared, 12), await runSeed(prepared, 12)]
  expect(second).toEqual(first)
  expect((await runSeed(prepared, 16)).story).not.toEqual(first.story)
})
