import type { TaskContext } from '../engine/model.ts'
import { FailedError, MigrateError } from '../errors.ts'
import { OutcomeUnknown } from '../nodes/errors.ts'
import { GuardFired, type GuardState } from '../nodes/guard.ts'
import type { GuardScope } from './network-guards.ts'
import type { World } from './world.ts'

const renewEveryMs = 10_000
/** A node that could not be told so long that we are still there is given up, and the step with it. */
const patienceMs = 60_000
/** The longest that something sent before may still be on its way: commands on nodes that a guarded step sends end by then. */
const inFlightMs = 60_000
/** Counted from when a node last heard of us, as patience is from when we last sent: we always let go first. */
export const guardMs = patienceMs + inFlightMs
/** For a node that came back to do its restoring and answer. */
const answerMs = 60_000

type Guarded = Pick<World, 'guards' | 'clock'>

/**
 * Before a guarded step, or the rest of one: what guards have done since is noted, exactly once; then each node has one that is
 * armed. A step that could not be guarded everywhere is not begun, and no guard is left behind then.
 * @returns when the first was sent: none of their times began before
 */
export async function armAll(
  world: Guarded,
  nodes: readonly string[],
  scope: GuardScope,
  task: TaskContext,
  release: boolean,
): Promise<number> {
  await Promise.all(
    nodes.map(async (node) => {
      const state = await world.guards.look(node, task.runId)
      await tell(state, node, task)
      if (state.kind === 'fired') await world.guards.forget(node, task.runId)
    }),
  )
  const sentMs = world.clock.nowMs()
  const armed = await Promise.allSettled(
    nodes.map(async (node) => await world.guards.arm(node, task.runId, scope, guardMs)),
  )
  const failed = armed.find((one) => one.status === 'rejected')
  if (failed === undefined) {
    // Only now: an agent that is let go of may cut its node off at once. Where this fails the guards are left to fire.
    if (release && scope.agent) await Promise.all(nodes.map((node) => world.guards.release(node)))
    return sentMs
  }
  const ours = nodes.filter((_node, index) => {
    const one = armed[index]
    return one?.status === 'fulfilled' && one.value === 'armed'
  })
  await Promise.allSettled(ours.map((node) => world.guards.disarm(node, task.runId)))
  throw failed.reason
}

/**
 * Does `work` while all guards, armed at `sentMs`, are renewed over whatever connection there is. Lets go of it when a node has
 * not heard of us for `patienceMs`; then waits for what the guards do, so that the operator is told.
 * @throws OutcomeUnknown when a node was lost, with what its guard did
 */
export async function whileRenewing(
  world: Guarded,
  nodes: readonly string[],
  task: TaskContext,
  sentMs: number,
  work: (task: TaskContext) => Promise<void>,
): Promise<void> {
  const over = new AbortController()
  const lost = new AbortController()
  const renewing = AbortSignal.any([over.signal, lost.signal, task.signal])
  const loops = nodes.map((node) => renew(world, node, task, sentMs, renewing, lost))
  const letGo = new Promise<never>((_resolve, reject) => {
    lost.signal.addEventListener('abort', () => reject(lost.signal.reason), { once: true })
  })
  letGo.catch(() => {})
  try {
    await Promise.race([work({ ...task, signal: AbortSignal.any([task.signal, lost.signal]) }), letGo])
  } catch (error) {
    if (!lost.signal.aborted) throw withGuards(error, nodes)
    throw await whatGuardsDid(world, nodes, task, messageOf(lost.signal.reason))
  } finally {
    over.abort()
    await Promise.all(loops)
  }
}

/** All of it: armed, `work`, and disarmed over fresh connections when `work` has verified what it did. */
export async function underGuard(
  world: Guarded,
  nodes: readonly string[],
  scope: GuardScope,
  task: TaskContext,
  work: (task: TaskContext) => Promise<void>,
  release = true,
): Promise<void> {
  const sentMs = await armAll(world, nodes, scope, task, release)
  await whileRenewing(world, nodes, task, sentMs, work)
  await Promise.all(nodes.map((node) => world.guards.disarm(node, task.runId)))
}

async function renew(
  { guards, clock }: Guarded,
  node: string,
  task: TaskContext,
  armedMs: number,
  renewing: AbortSignal,
  lost: AbortController,
): Promise<void> {
  let heardMs = armedMs
  while (!renewing.aborted) {
    await clock.sleep(renewEveryMs, renewing).catch(() => undefined)
    if (renewing.aborted) return
    const sentMs = clock.nowMs()
    // However long one try hangs, patience is not longer.
    const tried = new AbortController()
    const patience = clock.sleep(Math.max(0, heardMs + patienceMs - sentMs), AbortSignal.any([renewing, tried.signal]))
    const end = await Promise.race([
      guards.renew(node, task.runId).then(
        () => 'heard' as const,
        (error: unknown) => error,
      ),
      patience.then(
        () => 'silent' as const,
        () => 'over' as const,
      ),
    ])
    tried.abort()
    if (end === 'heard') heardMs = sentMs
    else if (end === 'silent') lost.abort(new FailedError(`${node} has not answered for ${patienceMs / 1000} s`))
    else if (end instanceof GuardFired || !(end === 'over' || end instanceof MigrateError)) lost.abort(end)
  }
}

/** All guards of the step fire now that none is renewed: a node that still answers is put back as well. */
async function whatGuardsDid(
  { guards, clock }: Guarded,
  nodes: readonly string[],
  task: TaskContext,
  why: string,
): Promise<OutcomeUnknown> {
  const untilMs = clock.nowMs() + guardMs + answerMs
  const waiting = new Set(nodes)
  const look = async (node: string): Promise<void> => {
    while (!task.signal.aborted && clock.nowMs() < untilMs) {
      const state = await guards.look(node, task.runId).catch((error: unknown) => {
        if (error instanceof MigrateError) return null
        throw error
      })
      if (state?.kind === 'fired' || state?.kind === 'none' || state?.kind === 'gone') {
        await tell(state, node, task)
        waiting.delete(node)
        return
      }
      task.say(`${why}; waiting for the guards of ${[...waiting].join(', ')}`)
      await clock.sleep(2_000, task.signal).catch(() => undefined)
    }
  }
  await Promise.all(nodes.map(look))
  const back = nodes.filter((node) => !waiting.has(node)).join(', ')
  const told = back === '' ? '' : `; put back by their guards to where they were before: ${back}`
  const silent = waiting.size === 0 ? '' : `; nothing is known yet of ${[...waiting].join(', ')}`
  return new OutcomeUnknown(`${why}, so the step was let go of${told}${silent}`, {
    next: 'find out what cut the nodes off, and mend it',
  })
}

/** Where the step fails otherwise its guards are left to fire: nodes go back to where they were, reachable for certain. */
function withGuards(error: unknown, nodes: readonly string[]): unknown {
  if (!(error instanceof MigrateError)) return error
  const note = `the guards of ${nodes.join(', ')} put their nodes' network back within ${guardMs / 1000} s`
  error.context.next = error.context.next === undefined ? note : `${error.context.next}; ${note}`
  return error
}

async function tell(state: GuardState, node: string, task: TaskContext): Promise<void> {
  if (state.kind !== 'fired') return
  const held = state.done.some((done) => done.startsWith('hold '))
  const released = held ? "; migrate resume lets Cilium's agent start again, migrate rollback takes it away" : ''
  await task.note(`guard ${node} ${state.atMs}`, `${receiptOf(state, node)}${released}`)
}

/** What a guard that has fired did, in a line. */
export function receiptOf(state: Extract<GuardState, { kind: 'fired' }>, node: string): string {
  const at = new Date(state.atMs).toISOString()
  const parts = [
    `${node}: its guard fired at ${at.slice(11, 19)} UTC`,
    ...(state.done.length > 0 ? [`done: ${[...new Set(state.done)].join(', ')}`] : []),
    ...(state.failed.length > 0 ? [`NOT done: ${[...new Set(state.failed)].join(', ')}`] : []),
    ...(state.whole ? [] : ['it was cut short']),
  ]
  return parts.join('; ')
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
