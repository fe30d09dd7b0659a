import { expect, test } from 'vitest'
import { formerGuardsEnded } from '../../src/operations/former-guards-ended.ts'
import type { World } from '../../src/operations/world.ts'
import { FakeGuards, noting } from './fake-guards.ts'
import { someFacts } from './some-facts.ts'

test('one that is still armed is waited for; what it did is told; its agent is held down no longer', async () => {
  const guards = new FakeGuards()
  await guards.arm('s1', 'lost-run', { agent: true }, 30_000)
  const notes = new Map<string, string>()
  const world = { guards, clock: guards.clock } as unknown as World
  await formerGuardsEnded.apply(world, 's1', { runs: ['lost-run'], holdsAgent: false }, noting(notes))
  expect(guards.acts()).toEqual(['arm s1', 'forget s1', 'release s1'])
  expect([...guards.receipts.keys(), ...guards.held]).toEqual([])
  expect([...notes.values()]).toEqual([
    expect.stringMatching(/^s1: its guard fired at [\d:]+ UTC; done: set eth0 up, hold Cilium's agent down$/),
  ])
})

test('nothing is to be done where no run has left any; facts of an older version do not say', () => {
  const facts = someFacts()
  expect(formerGuardsEnded.diff(facts, 's1', undefined)).toBeNull()
  const node = facts.nodes.s1
  if (!node) throw new Error('fixture')
  node.guards = { runs: [], holdsAgent: false }
  expect(formerGuardsEnded.diff(facts, 's1', undefined)).toBeNull()
  node.guards = { runs: ['20260101-200000-1a2b'], holdsAgent: true }
  const change = formerGuardsEnded.diff(facts, 's1', undefined)
  expect(change && formerGuardsEnded.render(change).summary).toBe(
    "end the guards of 20260101-200000-1a2b, and hold Cilium's agent down no longer",
  )
  expect(change && formerGuardsEnded.diff(formerGuardsEnded.predict(facts, 's1', change), 's1', undefined)).toBeNull()
})
