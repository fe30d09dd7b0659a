import { expect } from 'vitest'
import type { Base } from '../../src/simulator/base.ts'
import { differences, endStateOf } from '../../src/simulator/end-state.ts'
import { play, unaltered } from '../../src/simulator/play.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'

const idleMs = 60_000

/**
 * A run from `start` that is killed at instants spread over the whole of it, and resumed, ends as one that was not.
 * @param tries what is said to drift by each process after the kill; one of them has to come to the end
 */
export async function expectKilledAnywhere(
  start: Simulation,
  base: Base,
  {
    parts = 24,
    tries = ['stop', 'stop', 'accept', 'accept'],
  }: { parts?: number; tries?: readonly ('stop' | 'accept')[] } = {},
): Promise<void> {
  const whole = start.fork()
  expect(await play(whole, base, 'forward', 'stop', unaltered)).toBe('finished')
  await whole.idle(idleMs)
  const end = endStateOf(whole.state)
  const span = whole.instants - start.instants
  for (let part = 1; part < parts; part++) {
    const when = `killed in part ${part}`
    const simulation = start.fork()
    simulation.faults = [{ at: start.instants + Math.round((span * part) / parts), kind: 'kill', chance: 0 }]
    expect(await play(simulation, base, 'forward', 'stop', unaltered), when).toBe('killed')
    let ended: unknown = 'killed'
    for (const drift of tries) {
      if (ended === 'finished') break
      await simulation.idle(idleMs)
      ended = await play(simulation, base, 'forward', drift, unaltered)
    }
    expect(ended, when).toBe('finished')
    await simulation.idle(idleMs)
    expect(differences(end, endStateOf(simulation.state)), when).toEqual([])
  }
}
