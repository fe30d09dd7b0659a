import { expect, test } from 'vitest'
import { bind } from '../../src/engine/model.ts'
import { rollbackSteps } from '../../src/engine/rollback.ts'
import { ToyMachine } from './toy/machine.ts'
import { setKey, setStep, toyRunbook, toySteps } from './toy/runbook.ts'

const undone = async (machine: ToyMachine) =>
  (await machine.entries()).flatMap((entry) => (entry.kind === 'undone' ? [`${entry.stepId} ${entry.target}`] : []))

test('P8: from every checkpoint of a run, everything comes back as it was, and the plan is the same as before', async () => {
  for (const { stepId } of new ToyMachine().plan.steps) {
    const machine = new ToyMachine()
    const stop = machine.context().emit
    await machine
      .run({
        emit: (event) => {
          stop(event)
          if (event.kind === 'checkpoint' && event.stepId === stepId) machine.stop.abort()
        },
      })
      .catch((error: unknown) => expect(error).toMatchObject({ exitCode: 4 }))
    expect((await machine.state()).checkpoints.at(-1)).toBe(stepId)
    await machine.rollback()
    expect(machine.world.snapshot(), stepId).toEqual(machine.initial)
    expect(machine.planNow().changesDigest).toBe(machine.plan.changesDigest)
  }
})

test('--to keeps a checkpoint; the run then goes forward again from there, under new task ids', async () => {
  const end = new ToyMachine()
  await end.run()
  const checkpoints = end.plan.steps.map(({ stepId }) => stepId)
  for (const to of checkpoints) {
    const machine = new ToyMachine()
    await machine.run()
    await machine.rollback(to)
    const state = await machine.state()
    expect(state.checkpoints).toEqual(checkpoints.slice(0, checkpoints.indexOf(to) + 1))
    expect(state).toMatchObject({ direction: 'forward', finished: null, next: ['resume', 'rollback'] })
    expect(await machine.resume(), to).toBe('finished')
    expect(machine.world.snapshot(), to).toEqual(end.world.snapshot())
    const ids = (await machine.entries()).flatMap((entry) => (entry.kind === 'intent' ? [entry.taskId] : []))
    expect(new Set(ids).size, 'a unit name would be taken for the one that has run').toBe(ids.length)
    await machine.rollback()
    expect(machine.world.snapshot(), to).toEqual(machine.initial)
  }
})

test('the order is the exact reverse, and a step in between that was skipped is not undone', async () => {
  const machine = new ToyMachine()
  machine.operator.answers.set('announce', 'skip')
  await machine.run()
  const shown = rollbackSteps(machine.plan, await machine.state(), 'configure').map(({ stepId }) => stepId)
  expect(shown).toEqual(['start', 'count'])
  await machine.rollback('configure')
  expect(await undone(machine)).toEqual(['start c', 'start b', 'start a', 'count c', 'count b', 'count a'])
})

test('a checkpoint that the run does not have is refused by name, and so is one that was undone already', async () => {
  const machine = new ToyMachine()
  await machine.run()
  await expect(machine.rollback('nowhere')).rejects.toMatchObject({
    exitCode: 2,
    context: { next: expect.stringContaining('stop, configure') },
  })
  machine.world.onWrite = (target, key) => {
    if (key.startsWith('service') && target === 'b' && machine.world.of('b').get('conf') === undefined)
      throw new Error('no')
  }
  await expect(machine.rollback()).rejects.toThrow(/undo: Set service to stopped on b: no/)
  await expect(machine.rollback('configure')).rejects.toMatchObject({ exitCode: 2 })
  await expect(machine.run(), 'not forward in the middle of a way back').rejects.toMatchObject({ exitCode: 3 })
  machine.world.onWrite = () => undefined
  await machine.rollback()
  expect(machine.world.snapshot()).toEqual(machine.initial)
})

test('what cannot be undone is told before anything is undone, with how far back the way leads', async () => {
  const oneWay = setStep('one-way', 'burnt', 'yes', {
    operation: bind({ ...setKey, undo: { impossible: 'the bridge is burnt' } }, () => ({ key: 'burnt', value: 'yes' })),
  })
  const machine = new ToyMachine(toyRunbook([...toySteps.slice(0, 4), oneWay, ...toySteps.slice(4)]))
  await machine.run()
  const before = machine.world.snapshot()
  await expect(machine.rollback()).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining('the bridge is burnt'),
    context: { step: 'one-way', next: expect.stringContaining('--to one-way') },
  })
  expect(machine.world.snapshot()).toEqual(before)
  await machine.rollback('one-way')
  expect(machine.world.of('a').get('count')).toBeUndefined()
  // Not begun, it stands in nobody's way.
  const other = new ToyMachine(toyRunbook([...toySteps.slice(0, 4), oneWay]))
  other.operator.answers.set('one-way', 'stop')
  await expect(other.run()).rejects.toMatchObject({ exitCode: 4 })
  await other.rollback()
  expect(other.world.snapshot()).toEqual(other.initial)
})

test('every intent is undone under an id of its own, and an undo that failed is tried under a new one', async () => {
  const machine = new ToyMachine()
  machine.world.onWrite = (target, key) => {
    if (target !== 'b' || key !== 'count' || machine.world.of('b').get('count') !== '1') return
    machine.abort.abort()
    return new Promise(() => undefined)
  }
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  machine.world.onWrite = () => undefined
  await machine.resume()
  machine.world.onWrite = (target, key) => {
    if (target === 'b' && key === 'count') throw new Error('no')
  }
  await expect(machine.rollback()).rejects.toThrow(/no/)
  machine.world.onWrite = () => undefined
  await machine.resume()
  expect(machine.world.snapshot()).toEqual(machine.initial)
  const undos = (await machine.entries()).filter((entry) => entry.kind === 'undo-intent')
  expect(undos.filter(({ stepId, target }) => `${stepId} ${target}` === 'count b')).toHaveLength(3)
  expect(new Set(undos.map(({ taskId }) => taskId)).size).toBe(undos.length)
})

test('Ctrl-C once and twice', async () => {
  for (const twice of [false, true]) {
    const machine = new ToyMachine()
    await machine.run()
    machine.world.onWrite = (target, key) => {
      if (target !== 'b' || key !== 'service' || machine.stop.signal.aborted) return
      machine.stop.abort()
      if (!twice) return
      machine.abort.abort()
      return new Promise(() => undefined)
    }
    await expect(machine.rollback()).rejects.toMatchObject({ exitCode: 4, context: { next: 'migrate rollback' } })
    const status = (await machine.state()).steps.get('start')?.tasks.get('b')?.status
    expect(status).toBe(twice ? 'undo-in-doubt' : 'undone')
    machine.world.onWrite = () => undefined
    expect(await machine.resume()).toBe('rolled-back')
    expect(machine.world.snapshot()).toEqual(machine.initial)
  }
})

test('a plan that was never changed is undone by what the journal says, not by the plan', async () => {
  const machine = new ToyMachine()
  machine.operator.driftAnswer = 'accept'
  machine.world.of('b').set('conf', 'other')
  const before = machine.world.snapshot()
  await machine.run()
  await machine.rollback()
  expect(machine.world.snapshot()).toEqual(before)
})
