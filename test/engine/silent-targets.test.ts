import { expect, test } from 'vitest'
import { MemoryLock, ToyMachine } from './toy/machine.ts'
import { setStep, toyRunbook } from './toy/runbook.ts'

test('what did not answer is not taken for nothing to do', async () => {
  const machine = new ToyMachine()
  const { reader } = machine.context()
  const unanswered = () => (machine.operator.asked.at(-1) === 'configure' ? 'nobody answers' : null)
  await expect(machine.run({ reader: { ...reader, unanswered } })).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('nobody answers'),
    context: { step: 'configure', next: expect.stringContaining('migrate resume') },
  })
  expect((await machine.state()).steps.get('configure')?.tasks.size).toBe(0)
  expect(await machine.resume()).toBe('finished')
})

test('a target that was silent when planned is asked about, and what it needs is no drift', async () => {
  const runbook = { ...toyRunbook([setStep('configure', 'conf', 'new')]), unsettled: () => ['b'] }
  const machine = new ToyMachine(runbook)
  const [step] = machine.plan.steps
  if (step === undefined) throw new Error('no step')
  // Nothing was planned for anybody: as if all that answered had been as wanted.
  for (const node of ['a', 'c']) for (const key of ['conf', 'conf.shadow']) machine.world.of(node).set(key, 'new')
  const plan = { ...machine.plan, steps: [{ ...step, tasks: [], unread: ['b'] }] }
  expect(await machine.run({ plan })).toBe('finished')
  expect(machine.operator.asked).toEqual(['configure'])
  expect(machine.operator.drifts).toEqual([])
  expect(machine.world.of('b').get('conf')).toBe('new')
})

test('a target whose lock could not be asked for is locked before it is changed', async () => {
  const machine = new ToyMachine(toyRunbook([setStep('configure', 'conf', 'new')]))
  const late = Object.assign(new MemoryLock('node b'), { target: 'b', mayBeAway: true })
  let isAway = true
  const acquire = late.acquire.bind(late)
  late.acquire = (owner) => (isAway ? Promise.reject(new Error('silent')) : acquire(owner))
  machine.locks.push(late)
  await expect(machine.run()).rejects.toThrow('the lock on node b could not be asked for: silent')
  expect(machine.world.of('a').get('conf')).toBe('new')
  expect(machine.world.of('b').get('conf')).toBeUndefined()
  isAway = false
  expect(await machine.resume()).toBe('finished')
  expect(machine.world.of('b').get('conf')).toBe('new')
  expect(late.holder).toBeNull()
})

test('a gate may look at whoever answers', async () => {
  const seen: unknown[] = []
  const runbook = toyRunbook([
    { ...gateStep, targets: 'answering', check: () => [{ level: 'fine', title: '', detail: '' }] },
  ])
  const machine = new ToyMachine(runbook)
  const { reader } = machine.context()
  const read: typeof reader.read = (families, targets, previous) => {
    seen.push(targets)
    return reader.read(families, targets, previous)
  }
  await machine.run({ reader: { ...reader, read } })
  expect(seen).toEqual(['answering'])
})

const gateStep = {
  kind: 'gate' as const,
  id: 'nodes-there',
  title: 'All nodes are there',
  why: 'nothing works without',
  reads: ['values'],
  timeoutMs: 0,
}
