import fc from 'fast-check'
import { expect, test } from 'vitest'
import { execute } from '../../src/engine/execute.ts'
import { openJournal } from '../../src/engine/journal.ts'
import { resume } from '../../src/engine/resume.ts'
import { rollback } from '../../src/engine/rollback.ts'
import { touchedNothing } from '../../src/engine/state.ts'
import { MigrateError } from '../../src/errors.ts'
import { dieAt, ToyMachine } from './toy/machine.ts'
import type { ToyFacts } from './toy/world.ts'

/** What is known of the cluster without looking: as it was, changed by a run that is not over, or migrated. */
interface Model {
  run: 'none' | 'open' | 'done' | 'undone'
}

type Real = { machine: ToyMachine; end: ToyFacts }
type Command = fc.AsyncCommand<Model, Real>

/** After every command, whatever it was. */
async function holds(model: Model, { machine, end }: Real): Promise<void> {
  await openJournal(machine.journal, machine.clock)
  const state = await machine.state()
  const now = machine.world.snapshot()
  expect(now.a?.foreign).toBe('leave me alone')
  if (model.run === 'none' || model.run === 'undone' || touchedNothing(state)) expect(now).toEqual(machine.initial)
  if (model.run === 'done') expect(now).toEqual(end)
  const kept = machine.locks.some(({ holder }) => holder !== null)
  if (!touchedNothing(state) && state.finished === null) expect(kept, 'left half-way without a lock').toBe(true)
}

/** A process that may be killed at its n-th fault point; the model learns only whether it was. */
async function live(
  { machine }: Real,
  killAt: number,
  work: Parameters<ToyMachine['process']>[1],
): Promise<'killed' | 'ended' | MigrateError> {
  machine.stop = new AbortController()
  try {
    return (await machine.process(dieAt(killAt).hook, work)) ? 'killed' : 'ended'
  } catch (error) {
    if (error instanceof MigrateError) return error
    throw error
  }
}

class Run implements Command {
  readonly killAt: number
  constructor(killAt: number) {
    this.killAt = killAt
  }
  check = ({ run }: Readonly<Model>): boolean => run === 'none' || run === 'open'
  async run(model: Model, real: Real): Promise<void> {
    const end = await live(real, this.killAt, model.run === 'none' ? execute : resume)
    expect(end).not.toBeInstanceOf(MigrateError)
    const { finished } = await real.machine.state()
    model.run = finished === 'done' ? 'done' : finished === 'rolled-back' ? 'undone' : 'open'
    if (end === 'ended' && (await real.machine.state()).finished === null) {
      // A rollback to a checkpoint was carried on to its end.
      expect((await real.machine.entries()).at(-1)?.kind).toBe('rollback-finished')
    }
    await holds(model, real)
  }
  toString = (): string => `run or resume${this.killAt > 0 ? `, killed at ${this.killAt}` : ''}`
}

class Rollback implements Command {
  readonly killAt: number
  readonly pick: number
  constructor(killAt: number, pick: number) {
    this.killAt = killAt
    this.pick = pick
  }
  check = ({ run }: Readonly<Model>): boolean => run === 'open' || run === 'done'
  async run(model: Model, real: Real): Promise<void> {
    const { checkpoints, runId } = await real.machine.state()
    if (runId === null) return
    const to = [...checkpoints, null][this.pick % (checkpoints.length + 1)] ?? null
    const end = await live(real, this.killAt, (context) => rollback(context, to))
    expect(end).not.toBeInstanceOf(MigrateError)
    const { finished } = await real.machine.state()
    model.run = finished === 'done' ? 'done' : finished === 'rolled-back' ? 'undone' : 'open'
    if (end === 'ended') expect(model.run).toBe(to === null ? 'undone' : 'open')
    await holds(model, real)
  }
  toString = (): string => `rollback ${this.pick}${this.killAt > 0 ? `, killed at ${this.killAt}` : ''}`
}

class Interrupt implements Command {
  readonly write: number
  constructor(write: number) {
    this.write = write
  }
  check = ({ run }: Readonly<Model>): boolean => run === 'none' || run === 'open'
  async run(model: Model, real: Real): Promise<void> {
    const { machine } = real
    let left = this.write
    machine.world.onWrite = () => {
      left -= 1
      if (left === 0) machine.stop.abort()
    }
    const end = await live(real, 0, (context) =>
      resume({ ...context, interrupts: { stop: machine.stop.signal, abort: machine.abort.signal } }),
    )
    machine.world.onWrite = () => undefined
    if (end instanceof MigrateError) expect(end.exitCode).toBe(4)
    const { finished } = await machine.state()
    model.run = finished === 'done' ? 'done' : finished === 'rolled-back' ? 'undone' : 'open'
    await holds(model, real)
  }
  toString = (): string => `Ctrl-C at write ${this.write}`
}

class SecondOperator implements Command {
  check = (): boolean => true
  async run(model: Model, real: Real): Promise<void> {
    const { machine } = real
    const locked = machine.locks.some(({ holder }) => holder !== null)
    const before = machine.world.snapshot()
    const other = new ToyMachine()
    const theirs = other.owner('other')
    const owner = { ...theirs.owner, nonce: 'bob', user: 'bob', host: 'desk', runId: 'other' }
    const context = {
      ...other.context(),
      ...{ runId: 'other', world: machine.world, reader: machine.context().reader },
      initialFacts: before,
      plan: machine.planNow(),
      locks: { ...theirs, places: machine.locks, owner },
    }
    if (locked) {
      await expect(execute(context)).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining('alice') })
      expect(machine.world.snapshot()).toEqual(before)
      return
    }
    expect(await execute(context)).toBe('finished')
    expect(machine.world.snapshot()).toEqual(real.end)
    await rollback(context, null)
    expect(machine.world.snapshot()).toEqual(before)
    await holds(model, real)
  }
  toString = (): string => 'second operator'
}

test('whatever is done to a run, in whatever order: it ends in one of two states, and nothing is in between unlocked', async () => {
  const whole = new ToyMachine()
  await whole.run()
  const kill = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200 }))
  const commands = fc.commands(
    [
      kill.map((at) => new Run(at)),
      kill.map((at) => new Run(at)),
      fc.tuple(kill, fc.nat(9)).map(([at, pick]) => new Rollback(at, pick)),
      fc.integer({ min: 1, max: 40 }).map((write) => new Interrupt(write)),
      fc.constant(new SecondOperator()),
    ],
    { maxCommands: 12 },
  )
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const machine = new ToyMachine()
      const real: Real = { machine, end: whole.world.snapshot() }
      const model: Model = { run: 'none' }
      await fc.asyncModelRun(() => ({ model, real }), sequence)
      // However it went, there is a way back.
      if (model.run === 'open' || model.run === 'done') await machine.rollback()
      expect(machine.world.snapshot()).toEqual(machine.initial)
      expect(machine.planNow().changesDigest).toBe(machine.plan.changesDigest)
    }),
    { numRuns: 80, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  )
})
