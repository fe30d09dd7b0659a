import type { EngineEvent } from '../engine/events.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { eventText, waitingFor } from './event-text.ts'
import type { Now, Renderer } from './renderer.ts'
import { StepDisplay } from './step-display.ts'

/** A run on a terminal: each step a list of its targets with spinners, drawn by listr2; everything else plain lines. */
export function liveRenderer(stream: NodeJS.WriteStream, now: Now): Renderer {
  let stepIds: string[] = []
  let undoTargets = new Map<string, readonly string[]>()
  let display: StepDisplay | null = null
  let undoing = ''
  /** To be read when the display of their step is over, which shows only the last of what was said. */
  const noted: string[] = []
  /** Displays follow one another: the next is drawn when the last one has let go of the screen. */
  let queue: Promise<unknown> = Promise.resolve()
  const ticker = setInterval(() => display?.tick(), 1000)
  ticker.unref()

  const close = () => {
    const last = display
    display = null
    if (last !== null) queue = queue.then(() => last.close())
    for (const text of noted.splice(0)) queue = queue.then(() => stream.write(`${text}\n`))
  }
  const open = (title: string, targets: readonly string[], parallel: boolean) => {
    close()
    const next = new StepDisplay(title, targets, parallel, stream, now)
    display = next
    queue = queue.then(() => next.begin())
  }
  const say = (event: EngineEvent) => {
    const text = eventText(event)
    if (text !== null) queue = queue.then(() => stream.write(`${text}\n`))
  }

  const handle = (event: EngineEvent): void => {
    const text = eventText(event) ?? ''
    switch (event.kind) {
      case 'run-started':
        stepIds = event.plan.steps.map((step) => step.stepId)
        say(event)
        break
      case 'step-started': {
        const { step } = event
        const acting = [...step.tasks.map(({ target }) => target), ...(step.unread ?? [])]
        const targets = acting.length > 0 ? acting : [step.kind]
        const title = visible(`[${stepIds.indexOf(step.stepId) + 1}/${stepIds.length}] ${step.title}`)
        open(title, targets, step.order !== 'serial')
        break
      }
      case 'rollback-started':
        undoTargets = new Map(event.steps.map(({ stepId, targets }) => [stepId, targets]))
        close()
        say(event)
        break
      case 'undo-started':
        if (undoing !== event.stepId) {
          undoing = event.stepId
          open(visible(`undo ${event.stepId}`), undoTargets.get(event.stepId) ?? [event.target], true)
        }
        display?.started(event.target, text, event.timeoutMs)
        break
      case 'task-started':
        display?.started(event.target, visible(`${event.target}: ${event.summary}`), event.timeoutMs)
        break
      case 'task-said':
        display?.said(event.target, visible(event.message))
        break
      case 'task-noted':
        noted.push(text)
        display?.said(event.target, text)
        break
      case 'task-in-doubt':
        display?.said(event.target, text)
        break
      case 'gate-waiting':
        display?.said('gate', `${waitingFor(event.findings)} (at most ${duration(event.remainingMs)} more)`)
        break
      case 'task-done':
      case 'task-found-done':
      case 'undo-done':
        display?.ended(event.target, text, false)
        break
      case 'task-failed':
      case 'undo-failed':
        display?.ended(event.target, text, true)
        break
      case 'gate-passed':
        display?.ended('gate', text, false)
        break
      case 'recorded':
        display?.ended('record', text, false)
        break
      case 'checkpoint':
        close()
        break
      // Shown with the question that is asked about it.
      case 'drift':
        break
      // Told with what can be done next, after the last line of this.
      case 'stopped':
        close()
        break
      case 'run-finished':
      case 'rollback-finished':
        close()
        say(event)
        break
      default:
        say(event)
    }
  }
  return {
    handle,
    async pause() {
      await queue
      await display?.pause()
    },
    async resume() {
      await display?.continue()
    },
    async close() {
      clearInterval(ticker)
      close()
      await queue
    },
  }
}
