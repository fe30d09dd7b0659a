import { isDeepStrictEqual } from 'node:util'
import { execute } from '../../../../src/engine/execute.ts'
import { foldState } from '../../../../src/engine/fold.ts'
import { readJournal } from '../../../../src/engine/journal.ts'
import { rollback, rollbackSteps } from '../../../../src/engine/rollback.ts'
import type { RunContext } from '../../../../src/engine/run-context.ts'
import type { Facts, Family } from '../../../../src/facts/facts.ts'
import type { World } from '../../../../src/operations/world.ts'
import { type Turn, turnsOf } from './out-of-turn.ts'
import { type Commands, recorded } from './recorded.ts'
import { type Standing, standingOf } from './standing.ts'

/** What was done since the moment before, and how the cluster stands once it has come to rest. */
export interface Moment {
  at: string
  commands: Commands
  standing: Standing
}

export interface Story {
  /** A whole run, each time a step's turn comes. */
  forward: Moment[]
  /** Step by step back to the beginning. */
  back: Moment[]
  turns: Turn[]
}

/** Those that standing.ts looks at. */
const families: readonly Family[] = ['unit', 'k3s', 'etcd', 'netfilter', 'network', 'cni', 'sandboxes', 'kube']
const restMs = 90_000

/** Migrates, goes back step by step, and does some things that no run does. One story is as the other, whoever tells it. */
export async function tellStory(given: RunContext<Facts, World>): Promise<Story> {
  const { nodes, take } = recorded(given.world.nodes)
  const { clock } = given
  let known = given.initialFacts
  const read = async () => {
    known = await given.reader.read(families, 'all', known)
    return standingOf(known)
  }
  /** Looks until it finds the same twice. */
  const atRest = async (): Promise<Standing> => {
    const endMs = clock.nowMs() + restMs
    let standing = await read()
    for (;;) {
      await clock.sleep(1_000)
      const next = await read()
      if (isDeepStrictEqual(next, standing) || clock.nowMs() > endMs) return next
      standing = next
    }
  }
  const moment = async (at: string): Promise<Moment> => ({ at, commands: take(), standing: await atRest() })

  const forward: Moment[] = []
  const context: RunContext<Facts, World> = {
    ...given,
    world: { ...given.world, nodes },
    operator: {
      async confirm({ stepId }) {
        forward.push(await moment(`before ${stepId}`))
        return 'go'
      },
      drift: async () => 'stop',
    },
  }
  await execute(context)
  forward.push(await moment('finished'))

  const back: Moment[] = []
  const ids = context.plan.steps.map(({ stepId }) => stepId)
  for (const { stepId } of rollbackSteps(context.plan, foldState(await readJournal(context.journal)), null)) {
    await rollback(context, ids[ids.indexOf(stepId) - 1] ?? null)
    back.push(await moment(`undone ${stepId}`))
  }
  return { forward, back, turns: await turnsOf(given.world) }
}
