import { beforeAll, describe, expect, test } from 'vitest'
import { type Base, planNow } from '../../src/simulator/base.ts'
import { prepareScenario, scenarios } from '../../src/simulator/campaign.ts'
import { due, reconcile } from '../../src/simulator/cluster/evolve.ts'
import { isReached } from '../../src/simulator/cluster/state.ts'
import { differences, type EndState, endStateOf } from '../../src/simulator/end-state.ts'
import { emptyDisk } from '../../src/simulator/operator/disk.ts'
import { play, unaltered } from '../../src/simulator/play.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'
import { expectKilledAnywhere } from './killed-anywhere.ts'

/** The field report's: of three servers only the lifeboat is heard. */
const cutOff = ['s1', 's2']
const runbook = 'cilium-crashloop-recovery'

interface Incident {
  /** Before there was a Cilium. */
  origin: EndState
  simulation: Simulation
  base: Base
}

/** A chart of somebody's, with the chart's own port and its own idea of who owns the folder of configurations. */
const somebodys = {
  apiVersion: 'helm.cattle.io/v1',
  kind: 'HelmChart',
  metadata: { name: 'cilium', namespace: 'kube-system' },
  spec: {
    version: '1.17.6',
    valuesContent: [
      'podAnnotations: {}',
      'tunnelPort: 8472',
      'cni: {customConf: false, exclusive: true}',
      'policyEnforcementMode: default',
      'routingMode: tunnel',
      'kubeProxyReplacement: false',
      'updateStrategy: {type: RollingUpdate}',
    ].join('\n'),
  },
}

function crash(simulation: Simulation): void {
  const { state } = simulation
  for (const name of cutOff) {
    const node = state.nodes[name]
    if (node) node.agentCuts = true
    delete state.cilium.agents[name]
  }
  reconcile(state)
}

/** Flannel runs, and somebody has installed a Cilium whose agents cut their nodes off. */
async function besideFlannel(): Promise<Incident> {
  const { base } = await prepareScenario(scenarios[0])
  const origin = endStateOf(base.simulation.state)
  const simulation = base.simulation.fork()
  simulation.state.objects['HelmChart kube-system/cilium'] = structuredClone(somebodys)
  crash(simulation)
  return { origin, base, simulation }
}

/** Moved to Cilium, its run lost; then the agents of two servers begin to crash. */
async function insteadOfFlannel(): Promise<Incident> {
  const { base } = await prepareScenario(scenarios[0])
  const origin = endStateOf(base.simulation.state)
  const simulation = base.simulation.fork()
  expect(await play(simulation, base, 'forward', 'stop', unaltered)).toBe('finished')
  simulation.disk = emptyDisk()
  crash(simulation)
  return { origin, base, simulation }
}

/** Lets two servers be cut off, and plans while they are silent. */
async function planned(incident: Incident): Promise<Base> {
  const { simulation, base } = incident
  await simulation.idle(60_000)
  const reached = Object.values(simulation.state.nodes).filter(isReached)
  expect(reached.map(({ name }) => name)).toEqual(['s3', 'a1', 'a2'])
  const now = await planNow(simulation, base.run.inventory, runbook, {})
  return { ...base, simulation, run: { ...base.run, ...now, runId: 'recovery' } }
}

/** Somebody walks to the power switches: the first is there after three minutes, the second after five. */
function switchOn({ state }: Simulation): void {
  for (const [at, name] of cutOff.entries()) due(state, `power-switch:${name}`, ((3 + 2 * at) * 60_000) / state.pace)
}

/** As on the way back without its run: what nobody can tell whose it is, and where flags are set. */
const isKept = (line: string): boolean =>
  /: \+ (quay\.io\/cilium\/|755 \/opt\/cni\/bin\/(loopback|portmap) |d \/opt\/cni(\/bin)? |cilium(networkpolicies|nodeconfigs)$)/.test(
    line,
  ) || / files: [-+] .*\/etc\/(rancher\/k3s\/|systemd\/system\/k3s)/.test(line)

describe.each([
  ['flannel runs', besideFlannel],
  ['flannel is off', insteadOfFlannel],
])('%s', (_name, plant) => {
  let incident: Incident
  let back: Base
  let start: Simulation
  beforeAll(async () => {
    incident = await plant()
    back = await planned(incident)
    switchOn(incident.simulation)
    start = incident.simulation
  }, 600_000)

  test('the plan is made while servers are silent, and says of whom nothing is known', () => {
    const { plan } = back.run
    expect(plan.findings.filter(({ level }) => level === 'blocks' || level === 'unknown')).toEqual([])
    const warned = plan.findings.filter(({ level }) => level === 'warns').map(({ target, title }) => [target, title])
    expect(warned).toEqual([...cutOff.map((name) => [name, 'every node answers']), [undefined, 'the API answers']])
    const clean = plan.steps.find(({ stepId }) => stepId === 'cilium-leftovers')
    expect(clean).toMatchObject({ targets: ['s1', 's2', 's3', 'a1', 'a2'], unread: expect.arrayContaining(cutOff) })
    expect(plan.steps.find(({ stepId }) => stepId === 'cilium-agents')?.tasks).toMatchObject([{ target: 'cluster' }])
  })

  test('agents removed in the moments of the API, every node freed, every pod on flannel', async () => {
    const simulation = start.fork()
    expect(await play(simulation, back, 'forward', 'stop', unaltered)).toBe('finished')
    await simulation.idle(60_000)
    const end = endStateOf(simulation.state)
    expect(differences(incident.origin, end).filter((line) => !isKept(line))).toEqual([])
    expect(end.reach).toEqual(incident.origin.reach)
    expect((await planNow(simulation, back.run.inventory, runbook, {})).plan.steps).toEqual([])
  })

  test('killed anywhere and resumed: the same end', async () => {
    await expectKilledAnywhere(start, back, { parts: 16 })
  })
})

test('a run of ours stands half-way, its guards hold the agents down: its lock is broken, and they are ended', async () => {
  const { base } = await prepareScenario(scenarios[0])
  const origin = endStateOf(base.simulation.state)
  const simulation = base.simulation.fork()
  for (const name of cutOff) {
    const node = simulation.state.nodes[name]
    if (node) node.agentCuts = true
  }
  expect(await play(simulation, base, 'forward', 'stop', unaltered)).toMatchObject({
    error: expect.stringMatching(/guards/),
  })
  await simulation.idle(240_000)
  const nodes = () => Object.values(simulation.state.nodes)
  expect(nodes().filter(({ agentHeld }) => agentHeld)).not.toEqual([])
  // Somebody else, on a machine of their own.
  simulation.disk = emptyDisk()
  const now = await planNow(simulation, base.run.inventory, runbook, {})
  const back = { ...base, simulation, run: { ...base.run, ...now, runId: 'recovery' } }
  expect(now.plan.steps.find(({ stepId }) => stepId === 'former-guards')?.tasks).not.toEqual([])
  expect(await play(simulation, back, 'forward', 'stop', unaltered)).toMatchObject({
    error: expect.stringMatching(/locked by alice.* for run run$/),
  })
  const { nonce: breakNonce } = JSON.parse(
    simulation.state.nodes.s1?.files['/var/lib/cni-migrate/lock/owner']?.text ?? '',
  )
  const end = await play(simulation, back, 'forward', 'stop', (context) => ({
    ...context,
    locks: { ...context.locks, breakNonce },
  }))
  expect(end).toBe('finished')
  await simulation.idle(60_000)
  expect(nodes().map(({ guard, agentHeld }) => [guard, agentHeld])).toEqual(nodes().map(() => [null, false]))
  // What the former run was probing with goes on until somebody ends it: nobody knows whose evidence it is.
  const isFormers = (line: string) => /\/var\/lib\/cni-migrate\b|\bcni-migrate-run-/.test(line)
  expect(differences(origin, endStateOf(simulation.state)).filter((line) => !isKept(line) && !isFormers(line))).toEqual(
    [],
  )
})
