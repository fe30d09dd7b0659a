import type { Json, Operation, TaskContext } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts, NodeFacts } from '../facts/facts.ts'
import { type RulesetName, rulesetNames } from '../facts/netfilter.ts'
import { cilium } from '../netfilter/cilium.ts'
import { flannel } from '../netfilter/flannel.ts'
import {
  destroyOrder,
  destroyScript,
  type IpSet,
  isCiliumSet,
  isKubeRouterSet,
  parseIpsets,
  withoutSets,
} from '../netfilter/ipset.ts'
import { kubeRouter } from '../netfilter/kube-router.ts'
import { stalePortmap } from '../netfilter/portmap.ts'
import type { Recogniser } from '../netfilter/recogniser.ts'
import { applyRemoval, isNothing, planRemoval, type Removal, removalScript } from '../netfilter/removal.ts'
import { parse, print } from '../netfilter/ruleset.ts'
import { restoreScript } from '../netfilter/tools.ts'
import { mustRun, scriptWithInput } from '../nodes/run.ts'
import { ciliumNetworks } from './cni-seeded.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

/** `gone-pods-host-ports`: of sandboxes that are gone, whichever network they were on. */
export type Owner = 'kube-router' | 'flannel' | 'cilium' | 'gone-pods-host-ports'

export interface PurgeChange {
  owner: Owner
  /** What goes, per rule set: exact chains and rules. */
  rulesets: Partial<Record<RulesetName, Removal>>
  /** Names, in the order in which they can be destroyed. */
  ipsets: string[]
}

const noSets = (_set: IpSet): boolean => false
const setsOf: Record<Owner, (set: IpSet) => boolean> = {
  'kube-router': isKubeRouterSet,
  flannel: noSets,
  'gone-pods-host-ports': noSets,
  cilium: isCiliumSet,
}

function recognisersOf(owner: Owner, node: NodeFacts): Recogniser[] {
  if (owner === 'kube-router') return [kubeRouter]
  if (owner === 'cilium') return [cilium]
  // Sandboxes that run keep their host ports; while containerd is silent nobody knows which those are.
  const alive =
    node.sandboxes && new Set(node.sandboxes.filter((sandbox) => sandbox.ready).map((sandbox) => sandbox.id))
  if (owner === 'gone-pods-host-ports') return [stalePortmap(alive, ['cbr0', ...ciliumNetworks])]
  const clusterCidrs = (node.k3s.flags['cluster-cidr']?.value ?? '10.42.0.0/16').split(',')
  return [...clusterCidrs.map((cidr) => flannel(cidr)), stalePortmap(alive)]
}

/** The tables that a planned purge takes rules from, as a guard knows them: `ip-nft filter`. */
export const purgedTables = (change: Json): string[] =>
  Object.entries((change as unknown as PurgeChange).rulesets).flatMap(([name, removal]) =>
    Object.keys(removal).map((table) => `${name} ${table}`),
  )

/** What of a node's rules and sets is the owner's, or null: nothing is left. */
export function purgeOf(node: NodeFacts, owner: Owner): PurgeChange | null {
  const recognisers = recognisersOf(owner, node)
  const rulesets: PurgeChange['rulesets'] = {}
  for (const name of rulesetNames) {
    const text = node.netfilter.rulesets[name]
    const removal = text ? planRemoval(parse(text, `${node.name}: ${name}`), recognisers) : {}
    if (!isNothing(removal)) rulesets[name] = removal
  }
  const ipsets = destroyOrder(parseIpsets(node.netfilter.ipsets, `${node.name}: ipset save`).filter(setsOf[owner]))
  return Object.keys(rulesets).length + ipsets.length === 0 ? null : { owner, rulesets, ipsets }
}

function without(node: NodeFacts, change: PurgeChange): NodeFacts {
  const rulesets = { ...node.netfilter.rulesets }
  for (const name of rulesetNames) {
    const [text, removal] = [rulesets[name], change.rulesets[name]]
    if (text && removal) rulesets[name] = print(applyRemoval(parse(text), removal))
  }
  return {
    ...node,
    netfilter: { ...node.netfilter, rulesets, ipsets: withoutSets(node.netfilter.ipsets, change.ipsets) },
  }
}

const count = (removal: Removal) =>
  Object.values(removal).reduce(
    (sum, table) => ({ chains: sum.chains + table.chains.length, rules: sum.rules + table.rules.length }),
    { chains: 0, rules: 0 },
  )

async function remove(world: World, target: string, change: PurgeChange): Promise<void> {
  const node = world.nodes.get(target)
  for (const name of rulesetNames) {
    const removal = change.rulesets[name]
    if (!removal) continue
    await mustRun(node, {
      ...scriptWithInput('iptables-remove', restoreScript, [name], removalScript(removal)),
      mode: 'write',
      timeoutMs: 60_000,
    })
  }
}

async function destroySets(world: World, target: string, change: PurgeChange, task: TaskContext): Promise<void> {
  if (change.ipsets.length === 0) return
  const node = world.nodes.get(target)
  // The nft backend lets go of a deleted rule's sets a moment after its transaction: until then they are "in use".
  await until(
    world,
    task,
    `${change.ipsets.length} ipsets to be free`,
    async () => {
      const left = purgeOf(await factsOf(world, target), change.owner)?.ipsets ?? []
      if (left.length === 0) return null
      await mustRun(node, {
        argv: ['ipset', 'restore'],
        stdin: destroyScript(left),
        mode: 'write',
        timeoutMs: 60_000,
      })
      return 'destroyed, not looked at yet'
    },
    200,
  )
}

async function factsOf(world: World, target: string): Promise<NodeFacts> {
  const node = (await world.look(['netfilter', 'sandboxes'], [target])).nodes[target]
  if (!node) throw new FailedError('no facts', { host: target })
  return node
}

/** Removes what is there now of an owner, whatever was planned: used on the way back. */
export async function purge(world: World, target: string, owner: Owner, task: TaskContext): Promise<void> {
  const change = purgeOf(await factsOf(world, target), owner)
  if (!change) return
  await remove(world, target, change)
  await destroySets(world, target, change, task)
}

/**
 * Every rule, chain and set of one owner removed, and nothing else: per family and backend one transaction, then the sets
 * (k3s-kube-router.md §5.2). In the other order, allowed connections would be refused.
 */
export const netfilterPurged: Operation<Facts, World, { owner: Owner }, PurgeChange> = {
  name: 'netfilter.purged',
  reads: ['netfilter', 'sandboxes', 'k3s'],
  diff(facts, target, wanted) {
    const node = facts.nodes[target]
    return node ? purgeOf(node, wanted.owner) : null
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    return node ? { ...facts, nodes: { ...facts.nodes, [target]: without(node, change) } } : facts
  },
  // kube-router names its chains anew at every sync, portmap by container; and flannel's rules in the filter table are lost to
  // such a sync until flannel puts them back (measured.md 9): in which rule sets there is something is what counts.
  fingerprint: (change) => ({ owner: change.owner, in: Object.keys(change.rulesets) }),
  render: (change) => ({
    summary: `remove ${change.owner}'s rules: ${
      Object.entries(change.rulesets)
        .map(([name, removal]) => `${count(removal).chains} chains and ${count(removal).rules} rules in ${name}`)
        .join(', ') || 'none'
    }${change.ipsets.length > 0 ? `; ${change.ipsets.length} ipsets` : ''}`,
    diffs: Object.entries(change.rulesets).map(([name, removal]) => ({
      subject: `${name}: input of iptables-restore --noflush`,
      before: null,
      after: removalScript(removal),
    })),
  }),
  async apply(world, target, change, task) {
    await remove(world, target, change)
    await destroySets(world, target, change, task)
  },
  async verify(world, target, change) {
    const left = purgeOf(await factsOf(world, target), change.owner)
    if (left)
      throw new FailedError(
        `${netfilterPurged.render(left).summary}: still there, or there again (does K3s still run it?)`,
        {
          host: target,
        },
      )
  },
  undo: { notNeeded: 'K3s writes its rules anew when it starts with flannel (undoing of stop-servers)' },
}
