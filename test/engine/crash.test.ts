import { expect, test } from 'vitest'
import { execute } from '../../src/engine/execute.ts'
import { faultPoints } from '../../src/engine/fault-point.ts'
import { resume } from '../../src/engine/resume.ts'
import { rollback } from '../../src/engine/rollback.ts'
import { dieAt, ToyMachine } from './toy/machine.ts'

/** The end state of a run or rollback that nobody disturbed, and the fault points that it came by. */
async function undisturbed(direction: 'run' | 'rollback') {
  const machine = new ToyMachine()
  const points = dieAt(0)
  await machine.process(direction === 'run' ? points.hook : () => undefined, execute)
  if (direction === 'rollback') await machine.process(points.hook, (context) => rollback(context, null))
  return { end: machine.world.snapshot(), seen: points.seen }
}

test('P7: killed at every fault point and resumed, a run ends in the same state as one that was not killed', async () => {
  const { end, seen } = await undisturbed('run')
  expect(seen.length).toBeGreaterThan(100)
  for (let n = 1; n <= seen.length; n += 1) {
    const machine = new ToyMachine()
    expect(await machine.process(dieAt(n).hook, execute), seen[n - 1]).toBe(true)
    expect(await machine.resume(), `killed at ${seen[n - 1]}`).toBe('finished')
    expect(machine.world.snapshot(), `killed at ${seen[n - 1]}`).toEqual(end)
    expect((await machine.state()).finished).toBe('done')
    expect(machine.locks.map(({ holder }) => holder)).toEqual([null, null])
    // Nothing is undone by a rollback but what the run did, however often it was begun.
    await machine.rollback()
    expect(machine.world.snapshot(), `rolled back after a kill at ${seen[n - 1]}`).toEqual(machine.initial)
  }
})

test('killed at every fault point of a rollback, it is carried on to the state before the run', async () => {
  const { end, seen } = await undisturbed('rollback')
  expect(end).toEqual(new ToyMachine().initial)
  for (let n = 1; n <= seen.length; n += 1) {
    const machine = new ToyMachine()
    await machine.run()
    await machine.process(dieAt(n).hook, (context) => rollback(context, null))
    await machine.process(() => undefined, resume)
    // Killed before it said that it had begun, the run goes on being a finished one.
    if ((await machine.state()).finished !== 'rolled-back') await machine.rollback()
    expect(machine.world.snapshot(), `killed at ${seen[n - 1]}`).toEqual(end)
    expect((await machine.state()).finished).toBe('rolled-back')
  }
})

test('killed twice, a run is still carried on', async () => {
  const { end, seen } = await undisturbed('run')
  for (let first = 1; first <= seen.length; first += 5) {
    for (let second = 1; second <= 25; second += 4) {
      const machine = new ToyMachine()
      await machine.process(dieAt(first).hook, execute)
      await machine.process(dieAt(second).hook, resume)
      await machine.resume()
      expect(machine.world.snapshot(), `killed at ${first} and ${second}`).toEqual(end)
    }
  }
})

test('killed at every fault point and rolled back, everything is as it was', async () => {
  const { seen } = await undisturbed('run')
  for (let n = 1; n <= seen.length; n += 1) {
    const machine = new ToyMachine()
    await machine.process(dieAt(n).hook, execute)
    await machine.rollback()
    expect(machine.world.snapshot(), `killed at ${seen[n - 1]}`).toEqual(machine.initial)
    expect(machine.planNow().changesDigest).toBe(machine.plan.changesDigest)
  }
})

test('every fault point stands where a run or its rollback comes by', async () => {
  const run = await undisturbed('run')
  const back = await undisturbed('rollback')
  const seen = new Set([...run.seen, ...back.seen].map((name) => name.split(':')[0]))
  expect([...seen].toSorted()).toEqual([...faultPoints].toSorted())
})
