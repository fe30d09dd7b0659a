import { expect, test } from 'vitest'
import type { Json } from '../../src/engine/model.ts'
import { type Base, planNow } from '../../src/simulator/base.ts'
import { prepareScenario, scenarios } from '../../src/simulator/campaign.ts'
import { differences, endStateOf } from '../../src/simulator/end-state.ts'
import { emptyDisk } from '../../src/simulator/operator/disk.ts'
import { play, unaltered } from '../../src/simulator/play.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'
import { expectKilledAnywhere } from './killed-anywhere.ts'

interface Planned {
  simulation: Simulation
  base: Base
}

async function planned(simulation: Simulation, base: Base, runbook: string, params: Json): Promise<Planned> {
  simulation.disk = emptyDisk()
  const run = await planNow(simulation, base.run.inventory, runbook, params)
  expect(run.plan.findings.filter(({ level }) => level === 'blocks')).toEqual([])
  return { simulation, base: { ...base, simulation, run: { ...base.run, ...run, runId: runbook } } }
}

async function played({ simulation, base }: Planned, what: 'forward' | 'back' = 'forward'): Promise<void> {
  expect(await play(simulation, base, what, 'stop', unaltered)).toBe(what === 'forward' ? 'finished' : 'rolled-back')
  await simulation.idle(60_000)
}

/** A cluster that runs Cilium with a tunnel. */
async function moved(): Promise<Planned> {
  const [, scenario] = scenarios
  if (scenario === undefined) throw new Error('no such scenario')
  const { base } = await prepareScenario(scenario)
  const simulation = base.simulation.fork()
  await played({ simulation, base })
  return { simulation, base }
}

const toNative = async ({ simulation, base }: Planned) =>
  planned(simulation.fork(), base, 'routing-mode-change', { to: 'native' })

/** A rolling change that was stopped after its first node: the ConfigMap says native, the release still says tunnel. */
async function halfway(): Promise<Planned> {
  const { simulation, base } = await moved()
  const { state } = simulation
  const config = state.objects['ConfigMap kube-system/cilium-config']
  const [first] = Object.keys(state.cilium.agents)
  if (!config || first === undefined) throw new Error('fixture')
  config.data = {
    ...(config.data as object),
    'routing-mode': 'native',
    'auto-direct-node-routes': 'true',
    'ipv4-native-routing-cidr': '10.52.0.0/16',
  }
  delete state.cilium.agents[first]
  await simulation.idle(60_000)
  return { simulation, base }
}

const routesOf = (simulation: Simulation) =>
  Object.values(simulation.state.nodes).map(({ routes, links }) => ({
    native: routes.filter((route) => /^10\.52\.\d+\.0\/24 via 192\.168\.77\./.test(route)).length,
    tunnel: links.some(({ name }) => name === 'cilium_vxlan'),
  }))

test('to native routing and back: every node changes, who reaches whom stays, and the end is the beginning', async () => {
  const start = await moved()
  const origin = endStateOf(start.simulation.state)
  const there = await toNative(start)
  await played(there)
  expect(routesOf(there.simulation)).toEqual(Array.from({ length: 4 }, () => ({ native: 3, tunnel: false })))
  expect(endStateOf(there.simulation.state).reach).toEqual(origin.reach)
  const again = await planNow(there.simulation, there.base.run.inventory, 'routing-mode-change', { to: 'native' })
  expect(again.plan.steps).toEqual([])

  const back = await planned(there.simulation, there.base, 'routing-mode-change', { to: 'tunnel' })
  await played(back)
  expect(differences(origin, endStateOf(back.simulation.state))).toEqual([])
})

test.each([
  'routing-mode-change',
  'cilium-revert-to-vxlan',
])('%s: killed anywhere and resumed, the same end', async (runbook) => {
  const start =
    runbook === 'routing-mode-change'
      ? await toNative(await moved())
      : await halfway().then(({ simulation, base }) => planned(simulation, base, runbook, {}))
  await expectKilledAnywhere(start.simulation, start.base)
})

test('from before every change it leads back to the mode of before, killed on the way or not', async () => {
  const start = await moved()
  const origin = endStateOf(start.simulation.state)
  const { simulation, base } = await toNative(start)
  for (const step of ['routing-values', 'agents', 'strategy', 'unquiet', 'measured']) {
    const one = simulation.fork()
    const confirm = async ({ stepId }: { stepId: string }) => (stepId === step ? ('stop' as const) : ('go' as const))
    await play(one, base, 'forward', 'stop', (context) => ({ ...context, operator: { ...context.operator, confirm } }))
    const killed = one.fork()
    await played({ simulation: one, base }, 'back')
    expect(differences(origin, endStateOf(one.state)), `back from before ${step}`).toEqual([])
    killed.faults = [
      { at: killed.instants + Math.round((one.instants - killed.instants) / 2), kind: 'kill', chance: 0 },
    ]
    expect(await play(killed, base, 'back', 'stop', unaltered)).toBe('killed')
    await killed.idle(60_000)
    await played({ simulation: killed, base }, 'back')
    expect(differences(origin, endStateOf(killed.state)), `killed on the way back from before ${step}`).toEqual([])
  }
})

test('an agent whose guard fires while it changes is held, and started again by a resume', async () => {
  const { simulation, base } = await toNative(await moved())
  const node = simulation.state.nodes.s2
  if (!node) throw new Error('fixture')
  node.agentCuts = true
  const ended = await play(simulation, base, 'forward', 'stop', unaltered)
  expect(ended).toMatchObject({ error: expect.stringContaining('s2') })
  expect(node.cutOffs[0]?.toMs).not.toBeNull()
  await simulation.idle(60_000)
  await played({ simulation, base })
  expect(routesOf(simulation)).toEqual(Array.from({ length: 4 }, () => ({ native: 3, tunnel: false })))
})

test('the emergency: nodes of both modes do not reach each other’s pods; afterwards they do, with the ConfigMap as the release', async () => {
  const origin = endStateOf((await moved()).simulation.state)
  const { simulation, base } = await halfway()
  expect(routesOf(simulation).filter(({ tunnel }) => !tunnel)).toHaveLength(1)
  expect(endStateOf(simulation.state).reach).not.toEqual(origin.reach)
  const start = await planned(simulation, base, 'cilium-revert-to-vxlan', {})
  await played(start)
  expect(differences(origin, endStateOf(simulation.state))).toEqual([])
  const again = await planNow(simulation, base.run.inventory, 'cilium-revert-to-vxlan', {})
  expect(again.plan.steps).toEqual([])
})

test('the field’s patch of the mode alone, where nodes route natively: agents that exit come back with a tunnel', async () => {
  const start = await moved()
  const origin = endStateOf(start.simulation.state)
  const native = await toNative(start)
  await played(native)
  const { simulation, base } = native
  const config = simulation.state.objects['ConfigMap kube-system/cilium-config']
  if (!config) throw new Error('fixture')
  config.data = { ...(config.data as object), 'routing-mode': 'tunnel' }
  simulation.state.cilium.agents = {}
  await simulation.idle(60_000)
  expect(Object.values(simulation.state.cilium.agents).filter(({ ready }) => ready)).toEqual([])
  await played(await planned(simulation, base, 'cilium-revert-to-vxlan', {}))
  expect(differences(origin, endStateOf(simulation.state))).toEqual([])
})
