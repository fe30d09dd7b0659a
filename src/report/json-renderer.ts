import { z } from 'zod'
import type { EngineEvent } from '../engine/events.ts'
import { findingSchema } from '../engine/records.ts'
import { printedJson } from '../visible.ts'
import type { Now, Renderer } from './renderer.ts'

const stepId = z.string()
const target = z.string()
const taskId = z.string()
const milliseconds = z.number().nonnegative()
const task = { stepId, target }
const ended = { ...task, durationMs: milliseconds }
const failed = { ...task, error: z.string(), inDoubt: z.boolean() }
const begun = { ...task, taskId, timeoutMs: milliseconds }

const bodies = {
  'run-started': {
    runId: z.string(),
    planId: z.string(),
    cluster: z.string(),
    resumed: z.boolean(),
    steps: z.array(z.strictObject({ stepId, title: z.string(), phaseId: z.string(), targets: z.array(target) })),
  },
  'lock-taken': { places: z.array(z.string()), unasked: z.array(z.string()), tookOver: z.boolean() },
  'journal-mended': { line: z.int(), asideName: z.string() },
  'step-asked': { stepId },
  'step-answered': { stepId, answer: z.enum(['go', 'skip', 'stop', 'rollback']) },
  'step-started': { stepId },
  'step-skipped': { stepId },
  'task-in-doubt': task,
  'task-started': { ...begun, summary: z.string() },
  'task-said': { ...task, message: z.string() },
  'task-noted': { ...task, message: z.string() },
  'task-done': ended,
  'task-found-done': task,
  'task-failed': failed,
  drift: {
    ...task,
    moved: z.array(z.strictObject({ path: z.string(), before: z.json().optional(), now: z.json().optional() })),
  },
  'gate-waiting': { stepId, remainingMs: milliseconds, findings: z.array(findingSchema) },
  'gate-passed': { stepId, findings: z.array(findingSchema) },
  recorded: { stepId, name: z.string(), file: z.string() },
  checkpoint: { stepId },
  'rollback-started': {
    runId: z.string(),
    to: z.string().nullable(),
    steps: z.array(z.strictObject({ stepId, targets: z.array(target) })),
  },
  'undo-started': { ...begun, how: z.string() },
  'undo-done': ended,
  'undo-failed': failed,
  'rollback-finished': { to: z.string().nullable() },
  'stop-requested': {},
  stopped: { reason: z.string() },
  'run-finished': {},
} satisfies Record<EngineEvent['kind'], z.core.$ZodLooseShape>

/** What stands in one line of `--json`, by its `kind`; besides it, `time` (ISO). Diffs are in the plan, not here. */
export function eventLineSchema(kind: EngineEvent['kind']): z.ZodType {
  return z.strictObject({ time: z.iso.datetime(), kind: z.literal(kind), ...bodies[kind] })
}

/** The plan's steps by their ids only: who reads this has the plan (`migrate plan --json`). */
function lean(event: EngineEvent): object {
  switch (event.kind) {
    case 'run-started': {
      const { kind, runId, resumed, plan } = event
      const steps = plan.steps.map(({ stepId: id, title, phaseId, tasks }) => ({
        stepId: id,
        title,
        phaseId,
        targets: tasks.map((planned) => planned.target),
      }))
      return { kind, runId, planId: plan.id, cluster: plan.cluster, resumed, steps }
    }
    case 'step-asked':
    case 'step-started':
      return { kind: event.kind, stepId: event.step.stepId }
    default:
      return event
  }
}

/** One event a line, each checked against its schema before it is written. */
export function jsonRenderer(write: (text: string) => void, now: Now): Renderer {
  const nothing = async (): Promise<void> => {}
  return {
    handle(event) {
      // Through JSON first: what is checked is what is written.
      const line = printedJson({ time: new Date(now()).toISOString(), ...lean(event) })
      eventLineSchema(event.kind).parse(JSON.parse(line))
      write(line)
    },
    pause: nothing,
    resume: nothing,
    close: nothing,
  }
}
