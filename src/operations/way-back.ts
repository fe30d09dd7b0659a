import type { Json, Operation, Target, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import type { World } from './world.ts'

/**
 * An operation that does nothing going forward and something going back. Undoing walks the steps in reverse, so what must
 * happen late on the way back is registered early on the way forward; its intent in the journal is the registration.
 * `note` is what has to be remembered from before.
 */
export function wayBack<Note extends Json>(part: {
  name: string
  reads: readonly string[]
  note(facts: Facts, target: Target): Note
  how: string
  run(world: World, target: Target, note: Note, task: TaskContext): Promise<void>
}): Operation<Facts, World, undefined, { remember: Note }> {
  return {
    name: part.name,
    reads: part.reads,
    diff: (facts, target) => ({ remember: part.note(facts, target) }),
    predict: (facts) => facts,
    fingerprint: () => part.name,
    render: () => ({ summary: 'nothing now', notes: [`going back: ${part.how}`] }),
    apply: async () => {},
    verify: async () => {},
    undo: { how: part.how, run: (world, target, change, task) => part.run(world, target, change.remember, task) },
  }
}
