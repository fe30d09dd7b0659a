import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { GuardsFacts } from '../facts/guards.ts'
import { receiptOf } from './under-guard.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

/**
 * Guards that other runs have left on a node: one that has not fired yet is waited for, what each did is told, and Cilium's
 * agent, which is no more, is held down no longer. Left alone they would hold down the agents of the next run after a reboot.
 */
export const formerGuardsEnded: Operation<Facts, World, undefined, GuardsFacts> = {
  name: 'guards.former-ended',
  reads: ['guards'],
  diff(facts, target) {
    const guards = facts.nodes[target]?.guards
    return guards && (guards.runs.length > 0 || guards.holdsAgent) ? guards : null
  },
  predict(facts, target) {
    const node = facts.nodes[target]
    if (!node) return facts
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, guards: { runs: [], holdsAgent: false } } } }
  },
  // Which runs they are of moves nothing.
  fingerprint: () => 'guards of other runs',
  render: ({ runs, holdsAgent }) => ({
    summary: `end ${runs.length === 0 ? 'what guards of other runs have left' : `the guards of ${runs.join(', ')}`}${holdsAgent ? ", and hold Cilium's agent down no longer" : ''}`,
    notes: ['one that is still armed is waited for; what each of them did is told'],
  }),
  async apply({ guards, clock }, target, { runs }, task) {
    for (const run of runs) {
      await until({ clock }, task, `the guard of run ${run}`, async () => {
        const state = await guards.look(target, run)
        if (state.kind === 'armed' || state.kind === 'restoring') return `it is ${state.kind}`
        if (state.kind === 'fired') await task.note(`guard ${target} ${state.atMs}`, receiptOf(state, target))
        return null
      })
      await guards.forget(target, run)
    }
    await guards.release(target)
  },
  async verify(world, target) {
    const left = formerGuardsEnded.diff(await world.look(['guards'], [target]), target, undefined)
    if (left) throw new FailedError(`still there: ${formerGuardsEnded.render(left).summary}`, { host: target })
  },
  undo: { notNeeded: 'they have done what they were for' },
}
