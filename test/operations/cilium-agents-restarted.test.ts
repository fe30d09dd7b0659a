import { expect, test } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import { ciliumAgentsRestarted } from '../../src/operations/cilium-agents-restarted.ts'
import type { World } from '../../src/operations/world.ts'
import { ToyClock } from '../engine/toy/clock.ts'
import { noting } from './fake-guards.ts'
import { route, routedFacts } from './routed-facts.ts'

const wanted = { mode: 'tunnel' as const, tunnelPort: 8473, outdated: [] as string[] }
const diff = (facts: Facts, over = {}) => ciliumAgentsRestarted.diff(facts, CLUSTER, { ...wanted, ...over })
const all = ['cilium-of-a1', 'cilium-of-s1', 'cilium-of-s2', 'cilium-of-s3']

test('one node in the other mode, one agent that is not ready, or one of before: all are ended', () => {
  expect(diff(routedFacts('tunnel'))).toBeNull()
  const oneNative = routedFacts('tunnel')
  route(oneNative, 's3', 'native')
  const oneWaits = routedFacts('tunnel')
  oneWaits.kube.cilium.daemonSet = { desired: 4, ready: 3, updated: 4, generation: 2, observed: 2 }
  for (const facts of [oneNative, oneWaits]) expect(diff(facts)?.agents).toEqual(all)
  expect(diff(routedFacts('tunnel'), { outdated: ['cilium-of-s2'] })?.agents).toEqual(all)
})

test('they are ended at once, none waits for another', async () => {
  const deleted: string[] = []
  const together: (() => void)[] = []
  const kube = {
    delete: (_kind: object, name: string) =>
      new Promise<void>((resolve) => {
        deleted.push(name)
        together.push(resolve)
        // Nobody is let go before all have been asked.
        if (together.length === all.length) for (const go of together) go()
      }),
  }
  const change = { mode: 'tunnel' as const, tunnelPort: 8473, agents: all }
  await ciliumAgentsRestarted.apply({ kube } as unknown as World, CLUSTER, change, noting(new Map()))
  expect(deleted.sort()).toEqual(all)
})

test('it is done when no former agent is left, all are ready, and every node’s links and routes say so', async () => {
  const change = { mode: 'native' as const, tunnelPort: 8473, agents: all }
  const fresh = (facts: Facts) => {
    for (const agent of facts.kube.cilium.agents) agent.name = `new-${agent.node}`
    return facts
  }
  const waits = fresh(routedFacts('native'))
  waits.kube.cilium.daemonSet = { desired: 4, ready: 3, updated: 4, generation: 2, observed: 2 }
  const oneLate = fresh(routedFacts('native'))
  route(oneLate, 'a1', 'tunnel')
  const stages = [routedFacts('native'), waits, oneLate]
  const said: string[] = []
  const task = { ...noting(new Map()), say: (line: string) => void said.push(line) }
  const look = async () => stages.shift() ?? fresh(routedFacts('native'))
  await ciliumAgentsRestarted.verify({ look, clock: new ToyClock() } as unknown as World, CLUSTER, change, task)
  expect(said).toEqual([
    expect.stringContaining('4 of 4 former agents are still there'),
    expect.stringContaining('3 of 4 agents are ready'),
    expect.stringContaining('a1: the link cilium_vxlan is still there'),
  ])
})
