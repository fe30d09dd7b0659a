import { expect, test } from 'vitest'
import { bind } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import { InputError } from '../../src/errors.ts'
import { setKey, setStep, toyRunbook, toySteps } from './toy/runbook.ts'
import { nodes, type ToyFacts, ToyWorld } from './toy/world.ts'

const meta = { id: 'p', createdAt: '2026-01-01T00:00:00.000Z', toolVersion: '0', cluster: 'toy', inventoryDigest: 'i' }
const facts = new ToyWorld().snapshot()
const planOf = (steps = toySteps, from = facts) => plan(toyRunbook(steps), {}, from, meta)

test('later steps are planned against what the earlier ones will have made', () => {
  const { steps } = planOf()
  const start = steps.find(({ stepId }) => stepId === 'start')
  expect(start?.tasks.map(({ target }) => target)).toEqual(['a', 'b', 'c'])
  expect(start?.tasks[0]?.fingerprint).toEqual({ key: 'service', before: 'stopped', after: 'running' })
  // Without "stop" before it, there is nothing to start.
  const running = { ...facts }
  for (const node of ['a', 'b', 'c']) running[node] = { service: 'running', 'service.shadow': 'running' }
  const alone = planOf(
    toySteps.filter(({ id }) => id !== 'stop'),
    running,
  )
  expect(alone.steps.find(({ stepId }) => stepId === 'start')).toMatchObject({ tasks: [], targets: ['a', 'b', 'c'] })
})

test('parallel tasks are planned side by side, serial ones after each other', () => {
  const total = (order: 'serial' | 'parallel') =>
    planOf([
      setStep('sum', 'sum', '', {
        order,
        operation: bind(setKey, (now) => ({
          key: 'sum',
          value: String(Object.values(now).filter(({ sum }) => sum).length),
        })),
      }),
    ]).steps[0]?.tasks.map(({ change }) => (change as { after: string }).after)
  expect(total('serial')).toEqual(['0', '1', '2'])
  expect(total('parallel')).toEqual(['0', '0', '0'])
})

test('the plan says of each step what the operator must know', () => {
  const step = setStep('stop', 'service', 'stopped', {
    skippable: 'not today',
    outage: { what: 'all of it', expectedMs: 5000 },
    membersUp: (_now, targets) => `2 of 3 while each of ${targets.join(', ')} is stopped`,
  })
  expect(planOf([step]).steps[0]).toMatchObject({
    phaseId: 'one',
    operation: 'toy.set',
    order: 'serial',
    risk: 'none',
    undo: { how: 'the value before is written back' },
    skippable: 'not today',
    outage: { what: 'all of it', expectedMs: 5000 },
    membersUp: '2 of 3 while each of a, b, c is stopped',
    timeoutMs: 60_000,
  })
})

test('a step with `when` is planned by the facts at the start', () => {
  const never = setStep('never', 'x', 'y', { when: (initial) => initial.a?.service === 'stopped' })
  const { steps } = planOf([...toySteps.slice(0, 3), never])
  expect(steps.map(({ stepId }) => stepId)).toEqual(['nodes-there', 'remember', 'stop'])
})

test('pre-flight gates are judged on the facts as they are', () => {
  expect(planOf().findings.map(({ level }) => level)).toEqual(['fine', 'fine', 'fine'])
  const { c: _gone, ...without } = facts
  expect(planOf(toySteps.slice(0, 1), without).findings.map(({ level }) => level)).toEqual(['fine', 'fine', 'blocks'])
})

test('a finished cluster has an empty plan', () => {
  const done = Object.fromEntries(Object.keys(facts).map((node) => [node, { conf: 'new', service: 'running' }]))
  expect(planOf(toySteps, done)).toMatchObject({ steps: [], findings: [] })
})

test('two plans that would do the same have the same digest; another change has another', () => {
  const again = plan(toyRunbook(), {}, { ...facts }, { ...meta, id: 'q', createdAt: '2026-02-02T00:00:00.000Z' })
  expect(again.changesDigest).toBe(planOf().changesDigest)
  const moved = { ...facts, a: { ...facts.a, conf: 'other' } }
  expect(planOf(toySteps, moved).changesDigest).not.toBe(planOf().changesDigest)
  expect(planOf(toySteps, moved).factsDigest).not.toBe(planOf().factsDigest)
})

test('planning changes nothing of what it is given', () => {
  const frozen = Object.freeze(
    Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, Object.freeze({ ...value })])),
  )
  expect(() => planOf(toySteps, frozen)).not.toThrow()
})

test.each([
  ['twice', [setStep('stop', 'x', '1'), setStep('stop', 'x', '2')], /"stop" stands twice/],
  ['no unit name', [setStep('Stop it', 'x', '1')], /kebab-case/],
])('a step id that stands %s is refused', (_what, steps, message) => {
  expect(() => planOf(steps)).toThrow(InputError)
  expect(() => planOf(steps)).toThrow(message)
})

test('targets that were not settled stand in their steps without a change, and with what guards them', () => {
  const { b: _silent, ...known } = facts
  const wanted = { key: 'service', value: 'stopped' }
  const step = setStep('stop', 'service', 'stopped', {
    operation: {
      ...bind(setKey, () => wanted),
      diff: (now, target) => (now[target] === undefined ? null : setKey.diff(now, target, wanted)),
    },
    guard: (_now, targets) => ({ targets: [...targets], timeMs: 1, does: 'nothing' }),
  })
  const runbook = {
    ...toyRunbook([step]),
    unsettled: (now: ToyFacts) => nodes.filter((node) => now[node] === undefined),
  }
  const [planned] = plan(runbook, {}, known, meta).steps
  expect(planned).toMatchObject({ targets: ['a', 'b', 'c'], unread: ['b'], guard: { targets: ['a', 'c', 'b'] } })
  expect(planned?.tasks.map(({ target }) => target)).toEqual(['a', 'c'])
  expect(plan(runbook, {}, facts, meta).steps[0]).not.toHaveProperty('unread')
})

test('what stands open, the point of no return and the time it takes are said only where something is to be done', () => {
  const about = { exposure: 'all of it', pointOfNoReturn: 'it takes a restart', takesMs: 2_000 }
  const [todo, done] = planOf([
    setStep('stop', 'service', 'stopped', about),
    setStep('again', 'service', 'stopped', about),
  ]).steps
  expect(todo).toMatchObject({ ...about, takesMs: 6_000 })
  expect(done?.tasks).toEqual([])
  for (const key of Object.keys(about)) expect(done).not.toHaveProperty(key)
  const [beside] = planOf([setStep('stop', 'service', 'stopped', { ...about, order: 'parallel' })]).steps
  expect(beside?.takesMs).toBe(2_000)
})
