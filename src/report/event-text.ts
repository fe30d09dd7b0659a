import type { EngineEvent } from '../engine/events.ts'
import { type Finding, isInTheWay } from '../engine/model.ts'
import type { Moved } from '../engine/operator.ts'
import { visible } from '../visible.ts'
import { alike } from './alike.ts'
import { duration } from './duration.ts'
import { summarise } from './plan-summary.ts'

/** Findings that keep a gate shut, in a line. */
export function waitingFor(findings: readonly Finding[]): string {
  return findings
    .filter(isInTheWay)
    .map(({ target, title, detail }) => visible(`${target === undefined ? '' : `${target}: `}${title}. ${detail}`))
    .join('; ')
}

/** What moved since the plan was made: `$.rules[3].chain: "A" -> "B"`. */
export function movedText({ path, before, now }: Moved): string {
  const show = (value: unknown) => (value === undefined ? '(nothing)' : JSON.stringify(value))
  return visible(`${path}: ${show(before)} -> ${show(now)}`)
}

const notes: Partial<Record<EngineEvent['kind'], string>> = {
  'stop-requested': 'stopping after the task in hand; Ctrl-C again lets go of it at once',
  'run-finished': 'the run is finished',
}

/** What one event says by itself, without indentation; null for those that only move a display. */
export function eventText(event: EngineEvent): string | null {
  switch (event.kind) {
    case 'run-started': {
      const { steps, changes } = summarise(event.plan)
      const what = event.resumed ? 'resuming run' : 'run'
      return visible(
        `${what} ${event.runId} of plan ${event.plan.id} on ${event.plan.cluster}: ${steps} steps, ${changes} changes`,
      )
    }
    case 'lock-taken': {
      const unasked = event.unasked.length === 0 ? '' : `; out of reach, so not locked: ${event.unasked.join(', ')}`
      const tookOver = event.tookOver ? ', taken over from a process of this run that is gone' : ''
      return visible(`locked: ${event.places.join(', ')}${tookOver}${unasked}`)
    }
    case 'journal-mended':
      return visible(`the journal ended in half a line (${event.line}); it is kept in ${event.asideName}`)
    case 'step-skipped':
      return visible(`${event.stepId} is skipped`)
    case 'task-in-doubt':
      return visible(`${event.target}: it is not known how this ended last time; looking`)
    case 'task-started':
      return visible(`${event.target}: ${event.summary} (at most ${duration(event.timeoutMs)})`)
    case 'task-noted':
      return visible(event.message)
    case 'task-done':
      return visible(`${event.target}: done after ${duration(event.durationMs)}`)
    case 'task-found-done':
      return visible(`${event.target}: already so`)
    case 'task-failed':
      return visible(`${event.target}: ${event.inDoubt ? 'NOT KNOWN how it ended' : 'FAILED'}: ${event.error}`)
    case 'drift':
      return `${visible(event.target)}: not as planned: ${event.moved.map(movedText).join('; ')}`
    case 'gate-passed': {
      const warnings = alike(event.findings.filter(({ level }) => level === 'warns'))
      const told = warnings.map(
        ({ finding, targets }) => `warning: ${[targets.join(', '), finding.detail].filter(Boolean).join(': ')}`,
      )
      return visible(['passed', ...told].join('; '))
    }
    case 'recorded':
      return visible(`${event.name} kept in ${event.file}`)
    case 'rollback-started': {
      const kept = event.to === null ? 'everything' : `back to ${event.to}`
      return visible(`rolling back ${kept}: ${event.steps.map(({ stepId }) => stepId).join(', ') || 'nothing to undo'}`)
    }
    case 'undo-started':
      return visible(`${event.target}: undoing ${event.stepId}: ${event.how} (at most ${duration(event.timeoutMs)})`)
    case 'undo-done':
      return visible(`${event.target}: undone after ${duration(event.durationMs)}`)
    case 'undo-failed':
      return visible(`${event.target}: undoing ${event.inDoubt ? 'ended UNKNOWN' : 'FAILED'}: ${event.error}`)
    case 'rollback-finished':
      return event.to === null ? 'everything is rolled back' : visible(`rolled back to ${event.to}`)
    case 'stopped':
      return visible(event.reason)
    default:
      return notes[event.kind] ?? null
  }
}
