import { beforeEach, expect, test } from 'vitest'
import { bind, type ChangeStep, CLUSTER, type Operation } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { type AgentInUndo, guarded } from '../../src/operations/guarded.ts'
import { guardMs } from '../../src/operations/under-guard.ts'
import type { World } from '../../src/operations/world.ts'
import { FakeGuards, noting } from './fake-guards.ts'
import { someFacts } from './some-facts.ts'

let guards: FakeGuards
let world: World
let done: string[]
beforeEach(() => {
  guards = new FakeGuards()
  done = []
  world = { nodes: { names: ['s1', 's2'] }, guards, clock: guards.clock } as unknown as World
})

const guardedNow = () => [...guards.armed.keys()].join(' ')
const operation: Operation<Facts, World, undefined, { before: string | null }> = {
  name: 'test',
  reads: [],
  diff: () => ({ before: null }),
  predict: (facts) => facts,
  fingerprint: () => null,
  render: () => ({ summary: 'x' }),
  apply: async () => void done.push(`apply under ${guardedNow()}`),
  verify: async () => void done.push(`verify under ${guardedNow()}`),
  undo: {
    how: 'back',
    run: async () => void done.push(`undo under ${guardedNow()}, held ${[...guards.held].join(' ')}`),
  },
}
const step = (more: Partial<ChangeStep<Facts, World>> = {}, agentInUndo: AgentInUndo = 'needed') =>
  guarded(
    {
      ...{ kind: 'change', id: 'x', title: 'X', why: 'because', risk: 'none', order: 'serial', timeoutMs: 60_000 },
      operation: bind(operation, () => undefined),
      targets: () => [CLUSTER],
      ...more,
    },
    {
      scope: () => ({ agent: true, tables: [] }),
      does: 'puts itself back',
      agentInUndo: (change) => ((change as { before: string | null }).before === null ? 'taken-away' : agentInUndo),
    },
  )

test('a step on the cluster is guarded on every node, from before it is applied until it is verified', async () => {
  const { operation: own } = step()
  const task = noting(new Map())
  await own.apply(world, CLUSTER, { before: null }, task)
  await own.verify(world, CLUSTER, { before: null }, task)
  expect(done).toEqual(['apply under s1 s2', 'verify under s1 s2'])
  expect(guardedNow()).toBe('')
})

test('a step on a node is guarded there', async () => {
  await step().operation.apply(world, 's2', { before: null }, noting(new Map()))
  expect(done).toEqual(['apply under s2'])
})

test('found done after a resume, it is verified under guards as well', async () => {
  await step().operation.verify(world, CLUSTER, { before: null }, noting(new Map()))
  expect(done).toEqual(['verify under s1 s2'])
  expect(guardedNow()).toBe('')
})

test.each([
  { before: null, held: 's1', why: 'what is uninstalled needs no agent: it is released only when Cilium is gone' },
  { before: 'former values', held: '', why: 'what gets its former values back needs its agents for that' },
])('undone: $why', async ({ before, held }) => {
  guards.held.add('s1')
  const { undo } = step().operation
  if (!('run' in undo)) throw new Error('there is no undo')
  await undo.run(world, CLUSTER, { before }, noting(new Map()))
  expect(done).toEqual([`undo under s1 s2, held ${held}`])
  expect(guards.held.size).toBe(0)
  expect(guardedNow()).toBe('')
})

test('an agent that is left is held down before, in and after an undoing: what made it crash may still be there', async () => {
  guards.held.add('s2')
  const { undo } = step({}, 'left').operation
  if (!('run' in undo)) throw new Error('there is no undo')
  await undo.run(world, CLUSTER, { before: 'x' }, noting(new Map()))
  expect(done).toEqual(['undo under s1 s2, held s2'])
  expect([...guards.held]).toEqual(['s2'])
  expect(guardedNow()).toBe('')
})

test('a guard of a step that was half done, and needs no undoing, does not outlive it', async () => {
  const half = step({ operation: bind({ ...operation, undo: { notNeeded: 'it comes back' } }, () => undefined) })
  await half.operation.apply(world, CLUSTER, { before: null }, noting(new Map()))
  expect(guardedNow()).toBe('s1 s2')
  const { undo } = half.operation
  if (!('run' in undo)) throw new Error('there is no undo')
  expect(undo.how).toContain('it comes back')
  await undo.run(world, CLUSTER, { before: null }, noting(new Map()))
  expect(guardedNow()).toBe('')
  expect(done).toEqual(['apply under s1 s2'])
})

test('the plan says where, how long and what', () => {
  const facts = someFacts()
  const all = { targets: Object.keys(facts.nodes), timeMs: guardMs, does: 'puts itself back' }
  expect(step().guard?.(facts, [CLUSTER])).toEqual(all)
  expect(step().guard?.(facts, ['s2'])).toEqual({ ...all, targets: ['s2'] })
})
