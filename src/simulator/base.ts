import { runbookOf } from '../../runbooks/runbooks.ts'
import { isInTheWay, type Json } from '../engine/model.ts'
import { plan as makePlan } from '../engine/planner.ts'
import { clusterFamilies, nodeFamilies } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import { makeCluster, nodeNames, type Shape } from './cluster/make.ts'
import { type RunOf, readerOf } from './operator/context.ts'
import { Simulation } from './simulation.ts'

/** One kind of cluster with one order of steps: planned once, and run many times. */
export interface Scenario extends Shape {
  /** Of the cut-over; live and live-closed: node by node, with policies open or closed meanwhile. */
  order: 'staged' | 'seed' | 'live' | 'live-closed'
  /** 8472 is flannel's: only the seed's order can use it. */
  tunnelPort: 8472 | 8473
}

export interface Base {
  scenario: Scenario
  /** The cluster before the run, planned and untouched. */
  simulation: Simulation
  run: RunOf
}

function inventoryOf(scenario: Scenario): Inventory {
  const nodes = nodeNames(scenario).map((name, index) => ({
    name,
    role: name.startsWith('s') ? ('server' as const) : ('agent' as const),
    address: `192.168.77.${11 + index}`,
    ssh: {},
  }))
  return {
    file: '/simulated/inventory.yaml',
    cluster: { name: 'simulated' },
    nodes,
    lifeboat: `s${scenario.servers}`,
    canary: scenario.agents > 0 ? 'a1' : 's1',
    cilium: {
      version: '1.17.6',
      podCidr: '10.52.0.0/16',
      tunnelPort: scenario.tunnelPort,
      chart: { repo: 'https://helm.cilium.io' },
      install: 'helm-chart-object',
      kubeProxyReplacement: false,
      hubble: false,
      auditPolicies: false,
      values: {},
    },
    probes: { externalTargets: [] },
    stateDir: '/simulated/.migrate',
  }
}

/** Reads the facts of a simulated cluster over its nodes and API, and plans. */
export async function planNow(
  simulation: Simulation,
  inventory: Inventory,
  runbook: string,
  params: Json,
): Promise<Pick<RunOf, 'plan' | 'facts'>> {
  const planned = runbookOf(runbook, inventory)
  const isSilenceBorne = planned.unsettled !== undefined
  const leftOut: readonly string[] = isSilenceBorne ? ['reachability', 'paths', 'obstacles', 'stuck'] : ['reachability']
  const families = [...nodeFamilies, ...clusterFamilies].filter((family) => !leftOut.includes(family))
  const facts = await simulation.drive(() =>
    simulation.process('alice', (process) =>
      readerOf(process, inventory).read(families, isSilenceBorne ? 'answering' : 'all', null),
    ),
  )
  if (facts === 'killed') throw new Error('planning was killed')
  const plan = makePlan(planned, params, facts, {
    id: 'plan',
    createdAt: new Date(simulation.state.nowMs).toISOString(),
    toolVersion: '0',
    cluster: inventory.cluster.name,
    inventoryDigest: '0'.repeat(64),
  })
  return { plan, facts }
}

function runbookFor({ order }: Scenario): [string, Json] {
  if (order === 'staged' || order === 'seed') return ['k3s-flannel-to-cilium', { order }]
  return ['k3s-flannel-to-cilium-live', { policies: order === 'live' ? 'open' : 'closed' }]
}

/** Makes a cluster, and plans its move. @throws when pre-flight finds a blocker */
export async function prepare(scenario: Scenario): Promise<Base> {
  const inventory = inventoryOf(scenario)
  const simulation = new Simulation(makeCluster(scenario, 1))
  const { plan, facts } = await planNow(simulation, inventory, ...runbookFor(scenario))
  const blockers = plan.findings.filter(isInTheWay)
  if (blockers.length > 0)
    throw new Error(`the simulated cluster is not fit:\n${blockers.map((one) => JSON.stringify(one)).join('\n')}`)
  return { scenario, simulation, run: { inventory, plan, facts, runId: 'run' } }
}
