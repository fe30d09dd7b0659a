import { beforeEach, expect, test } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { KindRef } from '../../src/kube/api.ts'
import { ciliumAgentsWayBack } from '../../src/operations/cilium-agents-way-back.ts'
import { heldBack } from '../../src/operations/routing-values.ts'
import type { World } from '../../src/operations/world.ts'
import { releaseRecord } from '../../src/simulator/cluster/cilium.ts'
import { FakeGuards, noting } from './fake-guards.ts'
import { route, routedFacts, someValues } from './routed-facts.ts'

const former = someValues('tunnel')
const release = { install: 'helm-chart-object' as const, version: '1.17.6', chart: { repo: 'https://helm.cilium.io' } }
const operation = ciliumAgentsWayBack(release, former)
const note = () => operation.diff(routedFacts('tunnel'), CLUSTER, undefined)

let facts: Facts
let done: string[]
let guards: FakeGuards
beforeEach(() => {
  facts = routedFacts('tunnel')
  done = []
  guards = new FakeGuards()
})

/** The values are the former ones but for the strategy, and no agent is one of those that were there. */
function changed(): void {
  const { cilium } = facts.kube
  if (cilium.chart) cilium.chart.values = heldBack(former)
  if (cilium.daemonSet) cilium.daemonSet.strategy = 'OnDelete'
  for (const agent of cilium.agents) agent.name = `native-${agent.node}`
  for (const { node } of cilium.agents) route(facts, node, 'native')
}

/** What the kubelets and helm make of it at once. */
const kube = {
  list: async () => [releaseRecord('1.17.6', facts.kube.cilium.chart?.values ?? '')],
  delete: async (_kind: KindRef, name: string) => {
    done.push(`${name} under ${[...guards.armed.keys()].length} guards`)
    const { agents } = facts.kube.cilium
    const agent = agents.find((one) => one.name === name)
    if (!agent) return
    agent.name = `tunnel-${agent.node}`
    route(facts, agent.node, 'tunnel')
  },
  patch: async ({ kind }: KindRef, _name: string, _namespace: string, patch: { spec: { valuesContent: string } }) => {
    done.push(`${kind} ${patch.spec.valuesContent === former ? 'as before' : 'otherwise'}`)
    const { chart, daemonSet } = facts.kube.cilium
    if (chart) chart.values = patch.spec.valuesContent
    if (daemonSet) daemonSet.strategy = 'RollingUpdate'
  },
}

async function goBack(): Promise<void> {
  const change = note()
  if (change === null || !('run' in operation.undo)) throw new Error('it is registered')
  const world = {
    kube,
    guards,
    clock: guards.clock,
    nodes: { names: Object.keys(facts.nodes) },
    look: async () => facts,
  }
  await operation.undo.run(world as unknown as World, CLUSTER, change, noting(new Map()))
}

test('where nothing was changed nothing is done', async () => {
  await goBack()
  expect(done).toEqual([])
})

test('agents are ended under guards, then the strategy is the former one', async () => {
  changed()
  await goBack()
  expect(done).toEqual([
    ...['s1', 's2', 's3', 'a1'].map((node) => `native-${node} under 4 guards`),
    'HelmChart as before',
  ])
  expect(guards.armed.size).toBe(0)
})

test('agents of before that were never ended run on', async () => {
  const { chart, daemonSet } = facts.kube.cilium
  if (chart) chart.values = heldBack(former)
  if (daemonSet) daemonSet.strategy = 'OnDelete'
  await goBack()
  expect(done).toEqual(['HelmChart as before'])
})

test('cut short when all were ended and none was back, it waits for them', async () => {
  changed()
  const { agents } = facts.kube.cilium
  facts.kube.cilium.agents = []
  const sleep = guards.clock.sleep.bind(guards.clock)
  let slept = 0
  guards.clock.sleep = async (ms, signal) => {
    await sleep(ms, signal)
    if (ms !== 1_000 || ++slept < 3) return
    facts.kube.cilium.agents = agents
    for (const { node } of agents) route(facts, node, 'tunnel')
  }
  await goBack()
  expect(slept).toBe(3)
  expect(done).toEqual(['HelmChart as before'])
})
