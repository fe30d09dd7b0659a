import { expect, test } from 'vitest'
import type { Finding } from '../../src/engine/model.ts'
import { bind } from '../../src/engine/model.ts'
import { FailedError } from '../../src/errors.ts'
import { ToyMachine } from './toy/machine.ts'
import { setKey, setStep, type ToyStep, toyRunbook, toySteps } from './toy/runbook.ts'
import { nodes } from './toy/world.ts'

const kinds = async (machine: ToyMachine) => (await machine.entries()).map(({ kind }) => kind)

function withStep(id: string, more: Partial<ToyStep>): ToyMachine {
  return new ToyMachine(toyRunbook(toySteps.map((step) => (step.id === id ? ({ ...step, ...more } as ToyStep) : step))))
}

test('a whole run: every step is asked about, every change is made, and a second plan has nothing to do', async () => {
  const machine = new ToyMachine()
  expect(await machine.run()).toBe('finished')
  expect(machine.operator.asked).toEqual(['stop', 'configure', 'count', 'announce', 'start'])
  expect(machine.operator.drifts).toEqual([])
  for (const node of nodes) expect(machine.world.of(node).get('conf')).toBe('new')
  expect(machine.planNow()).toMatchObject({ steps: [], findings: [] })
  expect((await machine.state()).checkpoints).toEqual(machine.plan.steps.map(({ stepId }) => stepId))
  expect(await machine.resume(), 'a run that is over is left as it is').toBe('finished')
})

test('drift: what moved since planning is named, and stops the run unless it is accepted', async () => {
  const machine = new ToyMachine()
  machine.world.of('b').set('conf', 'somebody else was here')
  await expect(machine.run()).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining('$.before: null → "somebody else was here"'),
    context: { host: 'b', step: 'configure' },
  })
  expect(machine.operator.drifts).toEqual([
    { target: 'b', moved: [{ path: '$.before', before: null, now: 'somebody else was here' }] },
  ])
  // Parallel: all are looked at before the first is touched.
  for (const node of ['a', 'c']) expect(machine.world.of(node).get('conf')).toBeUndefined()
  machine.operator.driftAnswer = 'accept'
  expect(await machine.resume()).toBe('finished')
  await machine.rollback()
  expect(machine.world.of('b').get('conf'), 'undone to what was there, not to what was planned').toBe(
    'somebody else was here',
  )
})

test('drift: a target that was planned to be left alone, and is not as it was', async () => {
  const machine = withStep('stop', {})
  machine.world.of('c').set('service', 'stopped')
  machine.world.of('c').set('service.shadow', 'stopped')
  const planned = machine.planNow()
  expect(planned.steps.find(({ stepId }) => stepId === 'stop')?.tasks.map(({ target }) => target)).toEqual(['a', 'b'])
  machine.world.of('c').set('service', 'running')
  const initialFacts = { ...machine.initial, c: { service: 'stopped', 'service.shadow': 'stopped' } }
  await expect(machine.run({ plan: planned, initialFacts })).rejects.toMatchObject({
    exitCode: 3,
    context: { host: 'c', step: 'stop' },
  })
})

test('what is so already is found, not done', async () => {
  const machine = new ToyMachine()
  for (const key of ['conf', 'conf.shadow']) machine.world.of('a').set(key, 'new')
  await machine.run()
  const found = (await machine.entries()).filter(({ kind }) => kind === 'found-done')
  expect(found).toMatchObject([{ stepId: 'configure', target: 'a' }])
  await machine.rollback()
  expect(machine.world.of('a').get('conf'), 'not ours, so not undone').toBe('new')
})

test('what was found so before a rollback is looked at again after it', async () => {
  const machine = new ToyMachine()
  for (const key of ['conf', 'conf.shadow']) machine.world.of('a').set(key, 'new')
  await machine.run()
  await machine.rollback('stop')
  machine.world.of('a').delete('conf')
  machine.operator.driftAnswer = 'accept'
  await machine.resume()
  expect(machine.world.of('a').get('conf')).toBe('new')
})

test('a task in doubt of which nothing remains is believed only after it was verified', async () => {
  let isHealthy = false
  const operation = bind(
    {
      ...setKey,
      verify: async () => {
        if (!isHealthy) throw new Error('set, and not healthy')
      },
    },
    () => ({ key: 'conf', value: 'new' }),
  )
  const machine = withStep('configure', { operation } as Partial<ToyStep>)
  await expect(machine.run()).rejects.toThrow(/not healthy/)
  await expect(machine.resume()).rejects.toThrow(/not healthy/)
  expect((await machine.state()).steps.get('configure')?.tasks.get('a')?.status).toBe('failed')
  const { writes } = machine.world
  isHealthy = true
  machine.operator.answers.set('count', 'stop')
  await expect(machine.resume()).rejects.toMatchObject({ exitCode: 4 })
  expect(machine.world.writes, 'nothing remained to be done').toBe(writes)
  expect((await machine.state()).steps.get('configure')?.tasks.get('a')?.status).toBe('done')
})

test('skip: only where the step says that it is safe', async () => {
  const machine = new ToyMachine()
  machine.operator.answers.set('announce', 'skip')
  await machine.run()
  expect(machine.world.of('cluster').size).toBe(0)
  expect((await machine.state()).steps.get('announce')).toMatchObject({ status: 'skipped' })
  const other = new ToyMachine()
  other.operator.answers.set('stop', 'skip')
  await expect(other.run()).rejects.toMatchObject({ exitCode: 2 })
  expect(other.world.writes).toBe(0)
})

test('the operator stops, and chooses to go back', async () => {
  const machine = new ToyMachine()
  machine.operator.answers.set('start', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4, context: { step: 'start' } })
  expect((await machine.state()).next).toEqual(['resume', 'rollback'])
  machine.operator.answers.set('start', 'rollback')
  expect(await machine.resume()).toBe('rolled-back')
  expect(machine.world.snapshot()).toEqual(machine.initial)
  expect(machine.locks[0]?.holder).toBeNull()
})

test('Ctrl-C once: the task in hand is finished, the next is not begun', async () => {
  const machine = new ToyMachine()
  machine.world.onWrite = (target, key) => {
    if (target === 'b' && key === 'service') machine.stop.abort()
  }
  await expect(machine.run()).rejects.toMatchObject({
    exitCode: 4,
    context: { next: expect.stringContaining('migrate resume') },
  })
  expect(machine.world.of('b').get('service.shadow')).toBe('stopped')
  expect(machine.world.of('c').get('service')).toBe('running')
  expect((await kinds(machine)).slice(-3)).toEqual(['stop-requested', 'done', 'stopped'])
  machine.world.onWrite = () => undefined
  expect(await machine.resume()).toBe('finished')
})

test('Ctrl-C while facts are read again: nothing is in hand, so nothing is begun', async () => {
  for (const stepId of ['stop', 'configure']) {
    const machine = new ToyMachine()
    const { reader } = machine.context()
    const read = async (...args: Parameters<typeof reader.read>) => {
      if (args[1] !== 'all' && machine.operator.asked.at(-1) === stepId) machine.stop.abort()
      return await reader.read(...args)
    }
    await expect(machine.run({ reader: { ...reader, read } })).rejects.toMatchObject({
      exitCode: 4,
      context: { step: stepId },
    })
    expect((await machine.state()).steps.get(stepId)?.tasks.size).toBe(0)
    expect(await machine.resume()).toBe('finished')
  }
})

test('Ctrl-C twice: what runs is let go of and stays in doubt; resume looks at it and keeps its id', async () => {
  const machine = new ToyMachine()
  machine.world.onWrite = (target, key) => {
    if (target !== 'b' || key !== 'service.shadow' || machine.abort.signal.aborted) return
    machine.stop.abort()
    machine.abort.abort()
    return new Promise(() => undefined)
  }
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining('in doubt') })
  expect((await machine.state()).steps.get('stop')?.tasks.get('b')?.status).toBe('in-doubt')
  machine.world.onWrite = () => undefined
  expect(await machine.resume()).toBe('finished')
  const intents = (await machine.entries()).filter(({ kind }) => kind === 'intent')
  expect(intents.filter((entry) => entry.kind === 'intent' && entry.taskId === 'stop_b')).toHaveLength(2)
  expect(machine.operator.drifts, 'what we left half done is no drift').toEqual([])
})

test('a task past its deadline is in doubt; one that failed is tried anew under a new id', async () => {
  const machine = new ToyMachine()
  machine.world.onWrite = (target, key) =>
    target === 'b' && key === 'service' ? new Promise(() => undefined) : undefined
  await expect(machine.run()).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('not done within 60 s'),
  })
  expect(machine.clock.nowMs()).toBe(Date.parse('2026-01-01T00:01:00Z'))
  expect((await machine.state()).steps.get('stop')?.tasks.get('b')?.status).toBe('in-doubt')
  machine.world.onWrite = (target) => {
    if (target === 'b') throw new FailedError('no', { next: 'mend it', command: 'do it' })
  }
  await expect(machine.resume()).rejects.toMatchObject({
    exitCode: 1,
    context: {
      host: 'b',
      step: 'stop',
      command: 'do it',
      next: expect.stringMatching(/^mend it; then: migrate resume/),
    },
  })
  machine.world.onWrite = () => undefined
  await machine.resume()
  const ids = (await machine.entries()).flatMap((entry) =>
    entry.kind === 'intent' && entry.target === 'b' ? [entry.taskId] : [],
  )
  expect(ids.slice(0, 3)).toEqual(['stop_b', 'stop_b', 'stop_b_2'])
})

test('an effect that does not know how it ended leaves its task in doubt', async () => {
  const machine = new ToyMachine()
  machine.world.onWrite = (target) => {
    if (target === 'b') throw Object.assign(new Error('connection lost'), { inDoubt: true })
  }
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 1 })
  expect((await machine.state()).steps.get('stop')?.tasks.get('b')?.status).toBe('in-doubt')
})

test('parallel: all tasks are seen to their end even when one fails, and every failure is named', async () => {
  const machine = new ToyMachine()
  machine.world.onWrite = (target, key) => {
    if (key === 'conf' && target !== 'b') throw new Error(`no room on ${target}`)
  }
  await expect(machine.run()).rejects.toThrow(/no room on a[\s\S]*no room on c/)
  expect((await machine.state()).steps.get('configure')?.tasks.get('b')?.status).toBe('done')
})

test('a change that does not verify is a failure', async () => {
  const machine = withStep('configure', {
    operation: bind({ ...setKey, apply: async () => undefined }, () => ({ key: 'conf', value: 'new' })),
  } as Partial<ToyStep>)
  await expect(machine.run()).rejects.toThrow(/conf is not new/)
})

test('a gate waits until nothing blocks, and says what it waits for and how long it has', async () => {
  const machine: ToyMachine = withStep('as-before', { check: () => [ready(machine.clock.nowMs())] } as Partial<ToyStep>)
  const startMs = machine.clock.nowMs()
  const ready = (nowMs: number): Finding => ({
    level: nowMs - startMs > 5000 ? 'fine' : 'unknown',
    title: 'time',
    detail: '',
  })
  expect(await machine.run()).toBe('finished')
  const waits = machine.events.filter((event) => event.kind === 'gate-waiting')
  expect(waits.map(({ remainingMs }) => remainingMs)).toEqual([30_000, 29_000, 28_000, 27_000, 26_000, 25_000])
})

test('a gate that stays shut blocks the run with its findings; Ctrl-C ends the waiting at once', async () => {
  const shut: Finding = { level: 'blocks', title: 'disk', target: 'c', detail: '3 MiB left', fix: 'make room' }
  const machine = withStep('as-before', { check: () => [shut] } as Partial<ToyStep>)
  await expect(machine.run()).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining('c: disk: 3 MiB left (make room)'),
  })
  const again = machine.resume({
    emit: (event) => {
      if (event.kind === 'gate-waiting') machine.stop.abort()
    },
  })
  await expect(again).rejects.toMatchObject({ exitCode: 4 })
})

test('a gate that cannot read is not fine, but waits; a defect is not waited for', async () => {
  const machine = new ToyMachine()
  machine.operator.answers.set('start', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  machine.operator.answers.clear()
  const { reader } = machine.context()
  let reads = 0
  const flaky = (error: Error) => ({
    ...reader,
    read: async (...args: Parameters<typeof reader.read>) => {
      if (args[1] === 'all' && ++reads < 3) throw error
      return await reader.read(...args)
    },
  })
  await expect(machine.resume({ reader: flaky(new TypeError('undefined is not a function')) })).rejects.toBeInstanceOf(
    TypeError,
  )
  reads = 0
  expect(await machine.resume({ reader: flaky(new FailedError('no answer', { host: 'b' })) })).toBe('finished')
  expect(machine.events).toContainEqual(
    expect.objectContaining({
      kind: 'gate-waiting',
      findings: [expect.objectContaining({ level: 'unknown', target: 'b' })],
    }),
  )
})

test('facts that cannot be read again before a task stop the run before anything is begun', async () => {
  const machine = new ToyMachine()
  const { reader } = machine.context()
  const lost = async (...args: Parameters<typeof reader.read>) => {
    if (args[1] !== 'all' && args[1].includes('b')) throw new FailedError('no answer', { host: 'b' })
    return await reader.read(...args)
  }
  await expect(machine.run({ reader: { ...reader, read: lost } })).rejects.toMatchObject({
    exitCode: 1,
    context: { host: 'b', step: 'stop' },
  })
  expect((await machine.state()).steps.get('stop')?.tasks.has('b')).toBe(false)
})

test('a plan of another runbook, another plan for the run, a step that is gone: refused with nothing touched', async () => {
  const machine = new ToyMachine()
  await expect(machine.run({ plan: { ...machine.plan, runbook: 'other' } })).rejects.toMatchObject({ exitCode: 2 })
  machine.operator.answers.set('start', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  const writes = machine.world.writes
  await expect(machine.resume({ plan: { ...machine.plan, id: 'q' } })).rejects.toThrow(/begun with another plan/)
  await expect(machine.resume({ runId: 'q', locks: machine.owner('r') })).rejects.toThrow(/not of q/)
  const shorter = toyRunbook(toySteps.filter(({ id }) => id !== 'start'))
  await expect(machine.resume({ runbook: shorter })).rejects.toThrow(/step start \(change\)/)
  expect(machine.world.writes).toBe(writes)
  machine.operator.answers.clear()
  expect(await machine.resume()).toBe('finished')
})

test('after a resume, later steps are compared with what the earlier ones made', async () => {
  // `wanted` looks at a key of another node, which is not read again: it must be known from the journal.
  const follow: ToyStep = setStep('follow', 'copy', '', {
    operation: bind(setKey, (facts) => ({ key: 'copy', value: facts.a?.conf ?? 'none' })),
    targets: () => ['c'],
  })
  const machine = new ToyMachine(toyRunbook([...toySteps, follow]))
  machine.operator.answers.set('follow', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  machine.operator.answers.clear()
  expect(await machine.resume()).toBe('finished')
  expect(machine.world.of('c').get('copy')).toBe('new')
})

test('what a task notes stands once in the journal, however often it is told, and a rollback may note as well', async () => {
  const telling = (key: string): typeof setKey => ({
    ...setKey,
    async apply(world, target, change, task) {
      await task.note(key, `${target} did something by itself`)
      await setKey.apply(world, target, change, task)
    },
    async verify(world, target, change, task) {
      await task.note(key, `${target} did something by itself`)
      await setKey.verify(world, target, change, task)
    },
    undo: {
      how: 'back',
      async run(world, target, change, task) {
        await task.note('back', 'seen on the way back')
        if ('run' in setKey.undo) await setKey.undo.run(world, target, change, task)
      },
    },
  })
  const machine = withStep('stop', { operation: bind(telling('a 1'), () => ({ key: 'service', value: 'stopped' })) })
  machine.operator.answers.set('start', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  const note = { stepId: 'stop', target: 'a', key: 'a 1', message: 'a did something by itself' }
  expect((await machine.state()).notes).toEqual([expect.objectContaining(note)])
  expect(machine.events.filter(({ kind }) => kind === 'task-noted')).toHaveLength(1)
  await machine.rollback()
  expect((await machine.state()).notes.map(({ message }) => message)).toEqual([note.message, 'seen on the way back'])
})
