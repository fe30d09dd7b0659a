import type { Plan } from '../../engine/model.ts'
import type { JournalEntry } from '../../engine/records.ts'
import { duration } from '../duration.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { clockSince, since } from './times.ts'

/** What a reader of the journal would stop at: beginnings and ends, failures, drift, what was skipped. */
export function notableEvents(plan: Plan, journal: readonly JournalEntry[]): Markup {
  const fromMs = Date.parse(journal[0]?.time ?? '')
  const titleOf = (stepId: string) => plan.steps.find((step) => step.stepId === stepId)?.title ?? stepId
  const rows = journal.flatMap((entry, index) => {
    const said = sayings(entry, journal[index - 1], titleOf)
    const atMs = Date.parse(entry.time)
    return said === null ? [] : [[clockSince(atMs, fromMs), since(atMs, fromMs), said]]
  })
  return htmlTable(
    'What happened besides',
    [{ title: 'UTC', isNumber: true }, { title: 'Since start', isNumber: true }, { title: 'What' }],
    rows,
  )
}

function sayings(
  entry: JournalEntry,
  before: JournalEntry | undefined,
  titleOf: (id: string) => string,
): Markup | null {
  switch (entry.kind) {
    case 'run-started':
      return html`Begun by ${entry.operator}`
    case 'resumed':
      return html`Resumed by ${entry.operator}${before === undefined || isEnd(before) ? '' : `, ${duration(Date.parse(entry.time) - Date.parse(before.time))} after its last word: it had been killed or had lost its machine`}`
    case 'lock-taken':
      return entry.unasked.length === 0
        ? null
        : html`Locked without ${entry.unasked.join(', ')}, which could not be reached`
    case 'lock-broken':
      return html`The lock of run ${entry.runId} of ${entry.user} was broken`
    case 'failed':
      return html`${entry.target}: ${titleOf(entry.stepId)}: <strong>${entry.inDoubt ? 'not known how it ended' : 'failed'}</strong>: ${entry.error}`
    case 'undo-failed':
      return html`${entry.target}: undoing: ${titleOf(entry.stepId)}: <strong>${entry.inDoubt ? 'not known how it ended' : 'failed'}</strong>: ${entry.error}`
    case 'found-done':
      return entry.intent === undefined
        ? null
        : html`${entry.target}: ${titleOf(entry.stepId)}: was in doubt, and found done`
    case 'noted':
      return html`<strong>${entry.message}</strong>`
    case 'skipped':
      return html`Skipped by ${entry.by}: ${titleOf(entry.stepId)}`
    case 'drift':
      return html`${entry.target}: ${titleOf(entry.stepId)}: not as planned (${entry.what.map(({ path }) => path).join(', ')}); the operator's answer: ${entry.answer}`
    case 'stop-requested':
      return html`The operator asked it to stop after the task in hand`
    case 'stopped':
      return html`Stopped: ${entry.reason}`
    case 'run-finished':
      return html`Finished`
    case 'rollback-started':
      return html`${entry.operator} began to go back ${entry.to === null ? 'wholly' : `to ${entry.to}`}`
    case 'rollback-finished':
      return html`Rolled back ${entry.to === null ? 'wholly' : `to ${entry.to}`}`
    default:
      return null
  }
}

const isEnd = ({ kind }: JournalEntry) => kind === 'stopped' || kind === 'run-finished' || kind === 'rollback-finished'
