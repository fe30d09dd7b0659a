import { parse } from 'yaml'
import type { Json, Operation, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi, KubeObject } from '../kube/api.ts'
import type { ChartRelease } from './chart-installer.ts'
import { type InstalledBy, installerOf, uninstallRelease } from './cilium-release.ts'
import { stageAnnotation } from './cilium-values.ts'
import { admission, holds, labelsOf } from './labels.ts'
import { sameValues } from './routing-values.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

export interface CiliumWanted extends ChartRelease {
  install: InstalledBy
  tunnelPort: number
}

interface CiliumChange {
  before: { version: string | null; values: string } | null
  after: CiliumWanted
  /** Kinds of Cilium's that were there before: they, and the objects of theirs, are somebody's. */
  kindsBefore: string[]
}

interface AgentValues {
  podAnnotations?: Record<string, unknown>
  nodeSelector?: unknown
}

const agentValues = (values: string): AgentValues => (parse(values) as AgentValues | null) ?? {}

/** The stage that values stand for: agents that carry another annotation still run with former values. */
const stageOf = (values: string): unknown => agentValues(values).podAnnotations?.[stageAnnotation]

/** Nodes on which agents with these values run. */
export function nodesOfAgents(facts: Facts, values: string): string[] {
  const names = Object.keys(facts.nodes)
  const isKept = holds(agentValues(values).nodeSelector, admission)
  return isKept ? names.filter((name) => holds(labelsOf(facts, name), admission)) : names
}

/** Why Cilium is not there yet, or null. A crash is told as such, because waiting will not mend it. */
export function missingOfCilium(facts: Facts, stageValues: string): string | null {
  const { cilium } = facts.kube
  if (!facts.kube.reachable) return `the API does not answer: ${facts.kube.error ?? 'no reason given'}`
  if (!cilium.daemonSet) return 'the chart is not installed yet'
  // An agent's pod outlives a node that is gone for good.
  const agents = cilium.agents.filter((agent) => facts.nodes[agent.node] !== undefined)
  const waiting = agents.find((agent) => agent.waiting !== null)
  const note = waiting ? ` (${waiting.node}: ${waiting.waiting})` : ''
  const { desired, ready, updated, generation, observed } = cilium.daemonSet
  if (!cilium.chart) return 'the chart is not installed yet'
  if (!sameValues(cilium.chart.values, stageValues)) return 'the chart has other values'
  if (observed < generation || desired === 0) return 'the DaemonSet is not rolled out yet'
  const stage = stageOf(stageValues)
  const former = agents.filter((agent) => agent.annotations[stageAnnotation] !== stage).length
  if (former > 0) return `${desired - former} of ${desired} agents run with these values${note}`
  if (updated < desired) return `${updated} of ${desired} agents run the new configuration${note}`
  if (ready < desired) return `${ready} of ${desired} agents are ready${note}`
  const names = nodesOfAgents(facts, stageValues)
  if (desired < names.length) return `agents on ${desired} of ${names.length} nodes`
  if (cilium.operatorReady === 0) return 'no operator is ready'
  const without = names.filter((name) => !cilium.nodes.some((node) => node.name === name && node.podCidrs.length > 0))
  return without.length > 0 ? `no pod range yet for ${without.join(', ')}` : null
}

/** Why Cilium does not run with these values on one node, or null, whatever is with the others. */
export function missingOfAgent(facts: Facts, name: string, stageValues: string): string | null {
  const { reachable, error, cilium } = facts.kube
  if (!reachable) return `the API does not answer: ${error ?? 'no reason given'}`
  const stage = stageOf(stageValues)
  const agent = cilium.agents.find(({ node, annotations }) => node === name && annotations[stageAnnotation] === stage)
  if (!agent) return 'its agent is not there yet'
  if (!agent.ready) return agent.waiting ?? 'its agent is not ready yet'
  const hasRange = cilium.nodes.some((node) => node.name === name && node.podCidrs.length > 0)
  return hasRange ? null : 'it has no pod range yet'
}

/** All green says nothing of the tunnel: a port clash leaves it DOWN in silence (measured.md, second part 1). */
export function missingOfTunnel(facts: Facts, tunnelPort: number, names = Object.keys(facts.nodes)): string | null {
  for (const node of Object.values(facts.nodes)) {
    if (!names.includes(node.name)) continue
    const link = node.network.links.find((candidate) => candidate.name === 'cilium_vxlan')
    if (!link) return `${node.name}: no link cilium_vxlan`
    if (!link.up) return `${node.name}: cilium_vxlan is DOWN (is UDP port ${tunnelPort} taken?)`
    if (link.vxlanPort !== null && link.vxlanPort !== tunnelPort)
      return `${node.name}: cilium_vxlan uses UDP ${link.vxlanPort}, not ${tunnelPort}`
  }
  return null
}

async function kinds(kube: KubeApi): Promise<KubeObject[]> {
  const crds = await kube.list({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' })
  return crds.filter((crd) => crd.metadata.name.endsWith('.cilium.io'))
}

async function uninstall(world: World, kindsBefore: readonly string[], task: TaskContext): Promise<void> {
  const { kube } = world
  await uninstallRelease(world, world.inventory.cilium.install, task)
  // With its kinds go CiliumNode, CiliumEndpoint and the rest; the chart leaves them behind (cilium.md §8.1).
  for (const crd of await kinds(kube))
    if (!kindsBefore.includes(crd.metadata.name))
      await kube.delete({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }, crd.metadata.name)
}

/** Whether undoing an installation leaves no Cilium at all. */
export const isUninstalledByUndo = (change: Json): boolean => (change as unknown as CiliumChange).before === null

/** Cilium with exactly these values, ready on every node, its tunnel up. */
export const ciliumInstalled: Operation<Facts, World, CiliumWanted, CiliumChange> = {
  name: 'cilium.installed',
  reads: ['kube', 'network'],
  diff(facts, _target, wanted) {
    const now = facts.kube.cilium.chart
    if (now && sameValues(now.values, wanted.values) && (now.version === null || now.version === wanted.version))
      return null
    return { before: now, after: wanted, kindsBefore: facts.kube.cilium.kinds }
  },
  predict(facts, _target, change) {
    const agents = nodesOfAgents(facts, change.after.values).length
    return {
      ...facts,
      kube: {
        ...facts.kube,
        cilium: {
          ...facts.kube.cilium,
          chart: { by: change.after.install, version: change.after.version, values: change.after.values },
          daemonSet: { desired: agents, ready: agents, updated: agents, generation: 1, observed: 1 },
        },
      },
    }
  },
  fingerprint: (change) => ({
    before: change.before && (parse(change.before.values) as Json),
    after: parse(change.after.values) as Json,
    version: change.after.version,
  }),
  render: (change) => ({
    summary: change.before
      ? `change the values of Cilium ${change.after.version}`
      : `install Cilium ${change.after.version}`,
    diffs: [
      {
        subject: 'values of the chart kube-system/cilium',
        before: change.before?.values ?? null,
        after: change.after.values,
      },
    ],
  }),
  apply: (world, _target, change, task) => installerOf(world, change.after.install).apply(change.after, task),
  async verify(world, _target, change, task) {
    await until(world, task, 'Cilium', async () => missingOfCilium(await world.look(['kube']), change.after.values))
    await until(world, task, 'the tunnel cilium_vxlan', async () => {
      const facts = await world.look(['network', 'kube'])
      return missingOfTunnel(facts, change.after.tunnelPort, nodesOfAgents(facts, change.after.values))
    })
  },
  undo: {
    how: 'put the former values back, or uninstall Cilium with its kinds and its lease if it was not there',
    async run(world, _target, change, task) {
      if (!change.before) return await uninstall(world, change.kindsBefore, task)
      const { before, after } = change
      const former = { ...after, version: before.version ?? after.version, values: before.values }
      await installerOf(world, after.install).apply(former, task)
      await until(world, task, 'Cilium with its former values', async () =>
        missingOfCilium(await world.look(['kube']), before.values),
      )
    },
  },
}
