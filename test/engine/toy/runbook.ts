import {
  bind,
  CLUSTER,
  type Finding,
  type Operation,
  type Runbook,
  type Step,
  type Target,
} from '../../../src/engine/model.ts'
import { nodes, type ToyFacts, type ToyWorld } from './world.ts'

/** Both keys before and after: `key` and its shadow, written one after the other, so that a change can be half made. */
export type ToyChange = {
  key: string
  before: { value: string | null; shadow: string | null }
  after: string
}

export const shadowOf = (key: string): string => `${key}.shadow`

export const setKey: Operation<ToyFacts, ToyWorld, { key: string; value: string }, ToyChange> = {
  name: 'toy.set',
  reads: ['values'],
  diff(facts, target, { key, value }) {
    const now = facts[target] ?? {}
    if (now[key] === value && now[shadowOf(key)] === value) return null
    return { key, before: { value: now[key] ?? null, shadow: now[shadowOf(key)] ?? null }, after: value }
  },
  predict: (facts, target, { key, after }) => ({
    ...facts,
    [target]: { ...facts[target], [key]: after, [shadowOf(key)]: after },
  }),
  fingerprint: ({ key, before, after }) => ({ key, before: before.value, after }),
  render: ({ key, after }) => ({ summary: `set ${key} to ${after}` }),
  async apply(world, target, { key, after }) {
    await world.write(target, key, after)
    await world.write(target, shadowOf(key), after)
  },
  async verify(world, target, { key, after }) {
    const values = world.of(target)
    if (values.get(key) !== after || values.get(shadowOf(key)) !== after) throw new Error(`${key} is not ${after}`)
  },
  undo: {
    how: 'the value before is written back',
    async run(world, target, { key, before }) {
      await world.write(target, shadowOf(key), before.shadow)
      await world.write(target, key, before.value)
    },
  },
}

/** Counts up to a number, one write at a time: applied twice, it would end elsewhere. */
export const countUp: Operation<ToyFacts, ToyWorld, number, { from: number; by: number }> = {
  name: 'toy.count',
  reads: ['values'],
  diff(facts, target, wanted) {
    const from = Number(facts[target]?.count ?? 0)
    return from === wanted ? null : { from, by: wanted - from }
  },
  predict: (facts, target, { from, by }) => ({ ...facts, [target]: { ...facts[target], count: String(from + by) } }),
  fingerprint: ({ from, by }) => ({ from, by }),
  render: ({ by }) => ({ summary: `count ${by} up` }),
  async apply(world, target, { by }) {
    for (let i = 0; i < by; i += 1) {
      await world.write(target, 'count', String(Number(world.of(target).get('count') ?? 0) + 1))
    }
  },
  async verify(world, target, { from, by }) {
    if (world.of(target).get('count') !== String(from + by)) throw new Error(`count is not ${from + by}`)
  },
  undo: {
    how: 'the count before is written back',
    run: (world, target, { from }) => world.write(target, 'count', from === 0 ? null : String(from)),
  },
}

export type ToyStep = Step<ToyFacts, ToyWorld>

export function setStep(
  id: string,
  key: string,
  value: string,
  more: Partial<Extract<ToyStep, { kind: 'change' }>> = {},
): Extract<ToyStep, { kind: 'change' }> {
  return {
    kind: 'change',
    id,
    title: `Set ${key} to ${value}`,
    why: 'because',
    operation: bind(setKey, () => ({ key, value })),
    targets: () => nodes,
    order: 'serial',
    risk: 'none',
    timeoutMs: 60_000,
    ...more,
  }
}

const isKept = (records: Readonly<Record<string, ToyFacts>>, now: ToyFacts): Finding => {
  const kept = records.before?.a?.foreign === now.a?.foreign
  return { level: kept ? 'fine' : 'blocks', title: 'foreign', detail: kept ? 'as before' : 'changed' }
}

/** Every kind of step, serial and parallel, on nodes and on the cluster; `start` is a change only because of `stop`. */
export const toySteps: readonly ToyStep[] = [
  {
    kind: 'gate',
    id: 'nodes-there',
    title: 'All nodes are there',
    why: 'nothing works without',
    reads: ['values'],
    preflight: true,
    timeoutMs: 0,
    check: (facts) =>
      nodes.map((node) => ({ level: facts[node] ? 'fine' : 'blocks', title: 'there', target: node, detail: '' })),
  },
  { kind: 'record', id: 'remember', title: 'Remember', why: 'to compare', reads: ['values'], saveAs: 'before' },
  setStep('stop', 'service', 'stopped'),
  setStep('configure', 'conf', 'new', { order: 'parallel' }),
  setStep('count', 'count', '3', { operation: bind(countUp, () => 3), order: 'parallel' }),
  setStep('announce', 'notice', 'out of service', { targets: () => [CLUSTER], skippable: 'only a notice' }),
  setStep('start', 'service', 'running'),
  {
    kind: 'gate',
    id: 'as-before',
    title: 'What is foreign is as before',
    why: 'it is not ours',
    reads: ['values'],
    timeoutMs: 30_000,
    check: (facts, records) => [isKept(records, facts)],
  },
]

export function toyRunbook(steps: readonly ToyStep[] = toySteps): Runbook<ToyFacts, ToyWorld, unknown> {
  return {
    name: 'toy',
    description: 'for tests',
    parseParams: (input) => input ?? {},
    finished: (facts) =>
      nodes.every((node: Target) => facts[node]?.conf === 'new' && facts[node]?.service === 'running'),
    phases: () => [
      { id: 'one', title: 'One', steps: steps.slice(0, 3) },
      { id: 'two', title: 'Two', steps: steps.slice(3) },
    ],
  }
}
