import type { EngineEvent } from '../engine/events.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { eventText, waitingFor } from './event-text.ts'
import type { Now, Renderer } from './renderer.ts'

/** A wait that goes on is said again after this long, so that a log shows that somebody is still there. */
const repeatMs = 15_000

/** One timestamped line after the other: for pipes, CI, NO_COLOR and logs. Times are UTC. */
export function plainRenderer(write: (text: string) => void, now: Now): Renderer {
  let stepIds: string[] = []
  const deadlines = new Map<string, { startedMs: number; timeoutMs: number }>()
  const said = new Map<string, { text: string; atMs: number }>()

  const line = (text: string) => write(`${new Date(now()).toISOString().slice(11, 19)}  ${text}\n`)
  const wait = (key: string, text: string, detail: string) => {
    const last = said.get(key)
    if (last?.text === text && now() - last.atMs < repeatMs) return
    said.set(key, { text, atMs: now() })
    line(`  ${text} (${detail})`)
  }

  const handle = (event: EngineEvent): void => {
    if (event.kind === 'run-started') stepIds = event.plan.steps.map(({ stepId }) => stepId)
    if (event.kind === 'task-started' || event.kind === 'undo-started') {
      deadlines.set(event.target, { startedMs: now(), timeoutMs: event.timeoutMs })
    }
    if (event.kind === 'step-started') {
      const { stepId, title } = event.step
      line(`[${stepIds.indexOf(stepId) + 1}/${stepIds.length}] ${visible(`${stepId}: ${title}`)}`)
    } else if (event.kind === 'task-said') {
      const { startedMs, timeoutMs } = deadlines.get(event.target) ?? { startedMs: now(), timeoutMs: 0 }
      const remaining = duration(Math.max(0, startedMs + timeoutMs - now()))
      wait(event.target, visible(`${event.target}: ${event.message}`), `at most ${remaining} more`)
    } else if (event.kind === 'gate-waiting') {
      const text = `waiting: ${waitingFor(event.findings)}`
      wait(event.stepId, text, `at most ${duration(event.remainingMs)} more`)
    } else {
      const text = eventText(event)
      if (text !== null) line(isWithinStep(event) ? `  ${text}` : text)
    }
  }
  return { handle, pause: nothing, resume: nothing, close: nothing }
}

const nothing = async (): Promise<void> => {}

function isWithinStep({ kind }: EngineEvent): boolean {
  return /^(task|undo)-|^(drift|gate-passed|recorded)$/.test(kind)
}
