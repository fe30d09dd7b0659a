import {
  type BoundOperation,
  type ChangeStep,
  CLUSTER,
  type Json,
  type Target,
  type TaskContext,
  type Undo,
} from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import type { GuardScope } from './network-guards.ts'
import { armAll, guardMs, underGuard, whileRenewing } from './under-guard.ts'
import type { World } from './world.ts'

interface Guarding {
  scope(change: Json): GuardScope
  /** What a guard that fires does, for the plan. */
  does: string
  /** What undoing this does with an agent of Cilium's that a guard holds down; absent: it is needed. */
  agentInUndo?(change: Json): AgentInUndo
}

/**
 * needed: let go of before. taken-away: held until it is undone, when there is nothing left to hold. left: held as it is, for a
 * later one to take away: what made it cut its node off may still be there.
 */
export type AgentInUndo = 'needed' | 'taken-away' | 'left'

const nodesOf = (world: World, target: Target): readonly string[] => (target === CLUSTER ? world.nodes.names : [target])

/**
 * The step with a guard on every node that it could cut off: armed before it is applied or undone, disarmed over a fresh
 * connection after it was verified. Killed in between, the guards fire by themselves.
 */
export function guarded(step: ChangeStep<Facts, World>, guarding: Guarding): ChangeStep<Facts, World> {
  const { operation } = step
  return {
    ...step,
    operation: { ...operation, ...guardedEffects(operation, guarding) },
    guard: (facts, targets) => ({
      targets: targets.flatMap((target) => (target === CLUSTER ? Object.keys(facts.nodes) : [target])),
      timeMs: guardMs,
      does: guarding.does,
    }),
  }
}

function guardedEffects(
  { apply, verify, undo }: BoundOperation<Facts, World>,
  { scope, agentInUndo = () => 'needed' }: Guarding,
): Pick<BoundOperation<Facts, World>, 'apply' | 'verify' | 'undo'> {
  return {
    async apply(world, target, change, task) {
      const nodes = nodesOf(world, target)
      const sentMs = await armAll(world, nodes, scope(change), task, true)
      await whileRenewing(world, nodes, task, sentMs, (own) => apply(world, target, change, own))
    },
    // Also of what was found done after a resume, so here too the guards may have to be armed.
    async verify(world, target, change, task) {
      const work = (own: TaskContext) => verify(world, target, change, own)
      await underGuard(world, nodesOf(world, target), scope(change), task, work)
    },
    undo: guardedUndo(undo, { scope, agentInUndo }),
  }
}

function guardedUndo(
  undo: Undo<World, Json>,
  { scope, agentInUndo }: Required<Pick<Guarding, 'scope' | 'agentInUndo'>>,
): Undo<World, Json> {
  if ('impossible' in undo) return undo
  if ('notNeeded' in undo) {
    return {
      // Of a step that was half done they would fire in the middle of the way back.
      how: `end its guards; nothing else is needed: ${undo.notNeeded}`,
      async run(world, target, change, task) {
        await underGuard(world, nodesOf(world, target), { ...scope(change), tables: [] }, task, async () => {})
      },
    }
  }
  return {
    how: undo.how,
    async run(world, target, change, task) {
      const nodes = nodesOf(world, target)
      const agent = agentInUndo(change)
      const work = (own: TaskContext) => undo.run(world, target, change, own)
      await underGuard(world, nodes, scope(change), task, work, agent === 'needed')
      if (agent === 'taken-away') await Promise.all(nodes.map((node) => world.guards.release(node)))
    },
  }
}
