import { serve } from '../api/requests.ts'
import { runCommand } from '../node/run-command.ts'
import { between } from '../random.ts'
import { advanceTo, apiServers, happen, reconcile, schedule } from './evolve.ts'
import {
  type Answer,
  type ClusterState,
  type CommandFate,
  isReached,
  type SentCommand,
  type WorldEvent,
} from './state.ts'

/** The way from a node to the operator, ms. */
const backMs = (state: ClusterState) => between(state, 1, 3)

const unknown = (reason: string, durationMs: number): Answer => ({
  kind: 'outcome',
  outcome: { kind: 'unknown', reason, stdout: '', stderr: '', durationMs },
})

/** What arrives of a command's stdin when the connection is cut. */
const arrived = (command: SentCommand, fate: CommandFate): SentCommand =>
  fate.kind === 'cut'
    ? { ...command, stdin: Buffer.from(command.stdin).subarray(0, fate.bytes).toString('utf8') }
    : command

function answerTo(state: ClusterState, event: Extract<WorldEvent, { kind: 'command' }>): [Answer, number] {
  const { command, fate } = event
  const node = state.nodes[event.node]
  if (!node || !isReached(node)) return [unknown('the connection was lost: no answer to keep-alives', 15_000), 15_000]
  if (fate.kind === 'hangs') return [unknown('its time is over', command.timeoutMs), command.timeoutMs]
  if (fate.kind === 'fails')
    return [
      { kind: 'outcome', outcome: { kind: 'exited', code: 1, stdout: '', stderr: 'it failed', durationMs: 5 } },
      5,
    ]
  const { code, stdout, stderr, tookMs } = runCommand(state, node, arrived(command, fate))
  if (fate.kind !== 'arrives') return [unknown('the connection was lost: ECONNRESET', tookMs), tookMs]
  if (tookMs > command.timeoutMs) return [unknown('its time is over', command.timeoutMs), command.timeoutMs]
  return [{ kind: 'outcome', outcome: { kind: 'exited', code, stdout, stderr, durationMs: tookMs } }, tookMs]
}

function served(state: ClusterState, event: Extract<WorldEvent, { kind: 'request' }>): [Answer, number] {
  if (apiServers(state).length === 0) return [{ kind: 'unreachable', reason: 'no server answers' }, 200]
  if (event.fate === 'refused')
    return [{ kind: 'kube-error', status: 500, message: 'etcdserver: request timed out' }, 20]
  const answer = serve(state, event.request)
  if (event.fate === 'unanswered') return [{ kind: 'unreachable', reason: 'the connection was lost' }, 50]
  return [answer, event.fate === 'late' ? 20_000 : 2]
}

const isRead = (event: Extract<WorldEvent, { kind: 'command' | 'request' }>): boolean =>
  event.kind === 'command' ? event.command.mode === 'read' : ['list', 'get', 'raw'].includes(event.request.verb)

/** Takes the next event; null: nothing will ever happen. An answer is for whoever waits for it. */
export function nextEvent(state: ClusterState): { reply: number; answer: Answer } | 'world' | null {
  const event = state.events.shift()
  if (event === undefined) return null
  advanceTo(state, event.atMs)
  if (event.kind === 'reply') return { reply: event.reply, answer: event.answer }
  if (event.kind === 'due') happen(state, event.key)
  else {
    const [answer, tookMs] = event.kind === 'command' ? answerTo(state, event) : served(state, event)
    schedule(state, {
      kind: 'reply',
      reply: event.reply,
      answer,
      atMs: state.nowMs + tookMs + backMs(state),
    })
  }
  // What was only read moves nothing.
  if (event.kind === 'due' || !isRead(event)) reconcile(state)
  return 'world'
}
