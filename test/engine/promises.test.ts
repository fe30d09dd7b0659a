import { expect, test } from 'vitest'
import { execute } from '../../src/engine/execute.ts'
import { JournalFailure } from '../../src/engine/journal-failure.ts'
import { Killed, ToyMachine } from './toy/machine.ts'
import { parseRecords } from './toy/records.ts'

test('P2: no write reaches a node before an intent for it is durable', async () => {
  const machine = new ToyMachine()
  const { journal, world } = machine
  const append = journal.append.bind(journal)
  let durable = new Uint8Array()
  // What was written counts only when the (slow) fsync is over.
  journal.append = async (line) => {
    await append(line)
    await new Promise((resolve) => setImmediate(resolve))
    durable = Uint8Array.from(journal.bytes)
  }
  let writes = 0
  world.onWrite = (target, key) => {
    const records = parseRecords(durable)
    const intents = records.filter((record) => record.kind === 'intent' || record.kind === 'undo-intent')
    const last = intents.findLast((record) => record.target === target)
    const outcome = records.find(
      (record) => 'intent' in record && record.kind !== 'undo-intent' && record.intent === last?.seq,
    )
    expect(last, `${key} on ${target}`).toBeDefined()
    if (last?.kind === 'intent') {
      expect(outcome, `${key} on ${target} after its outcome`).toBeUndefined()
      expect(JSON.stringify(last.change)).toContain(key === 'count' ? 'from' : key.replace('.shadow', ''))
    }
    writes += 1
  }
  await machine.run()
  await machine.rollback()
  expect(writes).toBeGreaterThan(40)
})

test('P2: when the journal cannot be written, nothing more is sent; the run can be carried on later', async () => {
  const whole = new ToyMachine()
  await whole.run()
  const appends = (await whole.entries()).length
  for (let n = 1; n <= appends; n += 1) {
    const machine = new ToyMachine()
    const { journal, world } = machine
    const append = journal.append.bind(journal)
    let left = n
    let writesAfter = 0
    journal.append = async (line) => {
      left -= 1
      if (left <= 0) throw new Error('no space left on device')
      await append(line)
    }
    world.onWrite = () => {
      if (left <= 0) writesAfter += 1
    }
    await expect(machine.run(), `append ${n}`).rejects.toBeInstanceOf(JournalFailure)
    // Tasks of one parallel step may have been sending when it happened; each has at most one call under way.
    expect(writesAfter, `append ${n}`).toBeLessThanOrEqual(3)
    expect(left, 'it was tried again').toBe(0)
    journal.append = append
    expect(await machine.resume()).toBe('finished')
    expect(world.snapshot()).toEqual(whole.world.snapshot())
  }
})

test('whichever call to a node fails, the run stops there and can be carried on, or rolled back', async () => {
  const whole = new ToyMachine()
  await whole.run()
  for (let n = 1; n <= whole.world.writes; n += 1) {
    for (const then of ['resume', 'rollback'] as const) {
      const machine = new ToyMachine()
      machine.world.onWrite = () => {
        if (machine.world.writes === n) throw new Error('connection refused')
      }
      await expect(machine.run(), `call ${n}`).rejects.toThrow(/connection refused/)
      expect(machine.locks[0]?.holder?.runId, 'a cluster half-way is not for a second operator').toBe('r')
      await machine[then]()
      expect(machine.world.snapshot(), `${then} after call ${n}`).toEqual(
        then === 'resume' ? whole.world.snapshot() : machine.initial,
      )
    }
  }
})

test('whichever undo call fails, the rollback stops there and can be carried on', async () => {
  const whole = new ToyMachine()
  await whole.run()
  const forward = whole.world.writes
  await whole.rollback()
  for (let n = forward + 1; n <= whole.world.writes; n += 1) {
    const machine = new ToyMachine()
    await machine.run()
    machine.world.onWrite = () => {
      if (machine.world.writes === n) throw new Error('connection refused')
    }
    await expect(machine.rollback(), `call ${n}`).rejects.toMatchObject({
      exitCode: 1,
      context: { next: 'migrate rollback' },
    })
    await machine.resume()
    expect(machine.world.snapshot(), `call ${n}`).toEqual(machine.initial)
  }
})

test('killed within any call to a node and resumed, nothing is done twice', async () => {
  const whole = new ToyMachine()
  await whole.run()
  for (let n = 1; n <= whole.world.writes; n += 1) {
    for (const reached of [false, true]) {
      const machine = new ToyMachine()
      let dead = false
      const killed = await machine.process(
        () => {
          if (dead) throw new Killed()
        },
        async (context) => {
          const { onWrite } = machine.world
          machine.world.onWrite = (target, key, value) => {
            if (machine.world.writes === n) {
              dead = true
              // The call may have reached the node or not: the one who sent it does not live to know.
              if (reached) machine.world.of(target).set(key, value ?? '')
              throw new Killed()
            }
            return onWrite(target, key, value)
          }
          await execute(context)
        },
      )
      expect(killed, `call ${n}`).toBe(true)
      await machine.resume()
      expect(machine.world.snapshot(), `call ${n}`).toEqual(whole.world.snapshot())
      await machine.rollback()
      expect(machine.world.snapshot(), `rollback after call ${n}`).toEqual(machine.initial)
    }
  }
})

test('P11: of two operators who start at once, one is told who the other is, and touches nothing', async () => {
  const machine = new ToyMachine()
  const other = new ToyMachine()
  const context = machine.context()
  const theirs = { ...machine.owner('other'), mayBeAlive: () => true }
  const bob = { ...theirs, owner: { ...theirs.owner, runId: 'other', user: 'bob', host: 'desk' } }
  const first = execute(context)
  const second = execute({ ...other.context(), runId: 'other', world: machine.world, locks: bob })
  const ends = await Promise.allSettled([first, second])
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(ends[1]).toMatchObject({ reason: { exitCode: 3, message: expect.stringContaining('alice@laptop') } })
  expect(other.journal.bytes.length, 'the second run has not begun').toBe(0)
})

test('P11: a run that stopped half-way keeps the cluster; its lock is broken only by its own nonce', async () => {
  const machine = new ToyMachine()
  machine.operator.answers.set('start', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  const nonce = machine.locks[0]?.holder?.nonce ?? ''
  const other = new ToyMachine()
  const attempt = (breakNonce?: string) =>
    execute({ ...other.context(), runId: 'other', locks: { ...machine.owner('other', breakNonce) } })
  await expect(attempt()).rejects.toThrow(/run r$/m)
  await expect(attempt('n999')).rejects.toMatchObject({
    exitCode: 3,
    context: { next: expect.stringContaining(`--break-lock ${nonce}`) },
  })
  expect(machine.locks.map(({ holder }) => holder?.nonce)).toEqual([nonce, nonce])
  expect(await attempt(nonce)).toBe('finished')
  expect(parseRecords(other.journal.bytes)).toContainEqual(
    expect.objectContaining({ kind: 'lock-broken', nonce, runId: 'r' }),
  )
})

test('P11: the lock is given back when nothing was changed, after the run and after a whole rollback', async () => {
  const machine = new ToyMachine()
  machine.operator.answers.set('stop', 'stop')
  await expect(machine.run()).rejects.toMatchObject({ exitCode: 4 })
  expect(machine.locks.map(({ holder }) => holder)).toEqual([null, null])
  machine.operator.answers.clear()
  await machine.resume()
  expect(machine.locks.map(({ holder }) => holder)).toEqual([null, null])
  await machine.rollback('stop')
  expect(machine.locks[0]?.holder).not.toBeNull()
  await machine.rollback()
  expect(machine.locks.map(({ holder }) => holder)).toEqual([null, null])
})
