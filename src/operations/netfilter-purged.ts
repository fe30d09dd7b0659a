import { isDeepStrictEqual } from 'node:util'
import type { Json, Operation, TaskContext } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts, NodeFacts } from '../facts/facts.ts'
import { type RulesetName, rulesetNames } from '../facts/netfilter.ts'
import { destroyOrder, destroyScript, parseIpsets, withoutSets } from '../netfilter/ipset.ts'
import { applyRemoval, isNothing, planRemoval, type Removal, removalScript } from '../netfilter/removal.ts'
import { parse, print } from '../netfilter/ruleset.ts'
import { restoreScript } from '../netfilter/tools.ts'
import { CommandFailed } from '../nodes/errors.ts'
import { mustRun, scriptWithInput } from '../nodes/run.ts'
import { type Claimant, claimants, type Owner } from './netfilter-claimants.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

/** What is somebody's. */
interface Claimed {
  /** What goes, per rule set: exact chains and rules. */
  rulesets: Partial<Record<RulesetName, Removal>>
  /** Names, in the order in which they can be destroyed. */
  ipsets: string[]
}

export interface PurgeChange extends Claimed {
  owner: Owner
}

/** The tables that a planned purge takes rules from, as a guard knows them: `ip-nft filter`. */
export const purgedTables = (change: Json): string[] =>
  Object.entries((change as unknown as PurgeChange).rulesets).flatMap(([name, removal]) =>
    Object.keys(removal).map((table) => `${name} ${table}`),
  )

/** What of a node's rules and sets is a claimant's now, or null: nothing. */
export function claimedOf(node: NodeFacts, { recognisers, owns }: Claimant): Claimed | null {
  const own = recognisers(node)
  const rulesets: Claimed['rulesets'] = {}
  for (const name of rulesetNames) {
    const text = node.netfilter.rulesets[name]
    const removal = text ? planRemoval(parse(text, `${node.name}: ${name}`), own) : {}
    if (!isNothing(removal)) rulesets[name] = removal
  }
  const ipsets = destroyOrder(parseIpsets(node.netfilter.ipsets, `${node.name}: ipset save`).filter(owns))
  return Object.keys(rulesets).length + ipsets.length === 0 ? null : { rulesets, ipsets }
}

/** What of a node's rules and sets is the owner's, or null: nothing is left. */
export function purgeOf(node: NodeFacts, owner: Owner): PurgeChange | null {
  const claimed = claimedOf(node, claimants[owner])
  return claimed && { owner, ...claimed }
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

async function removeRules(world: World, target: string, rulesets: Claimed['rulesets']): Promise<void> {
  const node = world.nodes.get(target)
  for (const name of rulesetNames) {
    const removal = rulesets[name]
    if (!removal) continue
    await mustRun(node, {
      ...scriptWithInput('iptables-remove', restoreScript, [name], removalScript(removal)),
      mode: 'write',
      timeoutMs: 60_000,
    })
  }
}

/**
 * Others write rules meanwhile: portmap for a pod that starts, kube-proxy. A removal that does not fit any more is refused as
 * a whole; it is made anew then, from what is there. Where nothing has changed, the failure stands.
 */
async function remove(
  world: World,
  target: string,
  claimed: Claimed,
  claimant: Claimant,
  task: TaskContext,
): Promise<void> {
  let wanted: Claimed | null = claimed
  while (wanted) {
    try {
      await removeRules(world, target, wanted.rulesets)
      break
    } catch (error) {
      if (!(error instanceof CommandFailed) || task.signal.aborted) throw error
      const now = claimedOf(await factsOf(world, target), claimant)
      if (isDeepStrictEqual(now?.rulesets, wanted.rulesets)) throw error
      task.say('somebody has changed the rules meanwhile; removing what is there now')
      wanted = now
    }
  }
  if (claimed.ipsets.length > 0) await destroySets(world, target, claimed.ipsets.length, claimant, task)
}

async function destroySets(
  world: World,
  target: string,
  count: number,
  claimant: Claimant,
  task: TaskContext,
): Promise<void> {
  const node = world.nodes.get(target)
  // The nft backend lets go of a deleted rule's sets a moment after its transaction: until then they are "in use".
  await until(
    world,
    task,
    `${count} ipsets to be free`,
    async () => {
      const left = claimedOf(await factsOf(world, target), claimant)?.ipsets ?? []
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

/** Removes what is a claimant's now, whatever was planned: used on the way back. */
export async function purge(world: World, target: string, claimant: Claimant, task: TaskContext): Promise<void> {
  const claimed = claimedOf(await factsOf(world, target), claimant)
  if (claimed) await remove(world, target, claimed, claimant, task)
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
  apply: (world, target, change, task) => remove(world, target, change, claimants[change.owner], task),
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
