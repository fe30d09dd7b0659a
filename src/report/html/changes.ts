import { foldState } from '../../engine/fold.ts'
import type { FileDiff, PlannedStep } from '../../engine/model.ts'
import type { RunState } from '../../engine/state.ts'
import { unifiedDiff } from '../file-diff.ts'
import { alike, mayChange, undoText, unreadText } from '../plan-summary.ts'
import { html, type Markup } from './html.ts'
import type { ReportData } from './report-data.ts'

/** Every change as it was planned, how it ended on each target, and its true diff, folded. */
export function changeSection({ plan, journal }: ReportData): Markup {
  const state = foldState(journal)
  const steps = plan.steps.filter(mayChange)
  return html`<section id="changes"><h2>Every change</h2>
<p class="quiet">As planned; secrets are masked in the plan. What is folded is not printed: open it first.</p>
${steps.map((step) => stepMarkup(step, plan.steps.indexOf(step) + 1, state))}
</section>`
}

function stepMarkup(step: PlannedStep, number: number, state: RunState): Markup {
  return html`<details class="step"><summary><span class="step-number">${number}</span> ${step.title}
<span class="quiet">· ${endsOf(step, state)}${differences(step)}</span></summary>
<div class="step-body">
<p>${step.why}${step.undo === undefined ? null : html` <span class="quiet">Way back: ${undoText(step.undo)}.</span>`}</p>
${alike(step.tasks).map(
  ({ targets, rendering }) => html`<div class="change">
<p><b>${targets.join(' ')}</b>: ${rendering.summary}</p>
${(rendering.notes ?? []).length === 0 ? null : html`<ul>${(rendering.notes ?? []).map((note) => html`<li>${note}</li>`)}</ul>`}
${(rendering.diffs ?? []).map(diffMarkup)}
</div>`,
)}
${step.unread === undefined ? null : html`<p>${unreadText(step.unread)}</p>`}
</div></details>`
}

/** Those that read the same on several targets count once, as they are shown. */
function differences({ tasks }: PlannedStep): string {
  const count = alike(tasks).flatMap(({ rendering }) => rendering.diffs ?? []).length
  return count === 0 ? '' : ` · ${count} ${count === 1 ? 'diff' : 'diffs'}`
}

/** `4 done`, or what else became of its targets. */
function endsOf({ stepId, tasks }: PlannedStep, state: RunState): string {
  const step = state.steps.get(stepId)
  const statuses = tasks.map(
    ({ target }) => step?.tasks.get(target)?.status ?? (step?.status === 'skipped' ? 'skipped' : 'pending'),
  )
  const counts = [...Map.groupBy(statuses, (status) => status)]
  return counts.map(([status, list]) => `${list.length} ${status === 'pending' ? 'not begun' : status}`).join(', ')
}

function diffMarkup(diff: FileDiff): Markup {
  const { subject, added, removed, lines } = unifiedDiff(diff)
  const what = diff.before === null ? 'made' : diff.after === null ? 'removed' : 'changed'
  return html`<details class="diff"><summary><code>${subject}</code> ${what}
<span class="quiet">+${added} −${removed}</span></summary>
<pre tabindex="0" aria-label="Difference of ${subject}">${lines.map(lineMarkup)}</pre></details>`
}

function lineMarkup(line: string, index: number): Markup {
  const kind =
    index < 2
      ? 'head'
      : line.startsWith('@@')
        ? 'hunk'
        : line.startsWith('+')
          ? 'added'
          : line.startsWith('-')
            ? 'removed'
            : null
  return kind === null ? html`${line}\n` : html`<span class="${kind}">${line}</span>\n`
}
