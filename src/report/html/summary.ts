import { foldState } from '../../engine/fold.ts'
import { compareReachability } from '../../probes/compare.ts'
import { summarize } from '../../probes/outage.ts'
import { duration } from '../duration.ts'
import { activeMs, runStory } from '../run-story.ts'
import { standing } from '../status-text.ts'
import { stepOutages } from '../step-outages.ts'
import { html, type Markup, type Part } from './html.ts'
import type { ReportData } from './report-data.ts'
import { fromTo } from './times.ts'

/** The few numbers that are asked for first. */
export function summary(data: ReportData): Markup {
  const { plan, journal } = data
  const state = foldState(journal)
  const began = journal.find(({ kind }) => kind === 'run-started')
  const fromMs = Date.parse(began?.time ?? '')
  const untilMs = Date.parse(journal.at(-1)?.time ?? '')
  const outcome = standing(state)
  const sort = state.finished === 'done' ? 'good' : state.finished === 'rolled-back' ? 'undone' : 'open'
  return html`<header>
<p class="kind">Report of a run</p>
<h1>${plan.cluster}</h1>
<p class="outcome ${sort}"><b>${outcome.charAt(0).toUpperCase() + outcome.slice(1)}</b></p>
<p class="quiet">${plan.runbook} · run ${data.runId} · ${fromTo(fromMs, untilMs)} UTC${began?.kind === 'run-started' ? ` · by ${began.operator}` : ''}</p>
<dl class="key">${keyFigures(data).map(({ name, value, note }) => html`<div><dt>${name}</dt> <dd>${value}</dd> <dd class="note">${note}</dd></div> `)}</dl>
</header>`
}

interface KeyFigure {
  name: string
  value: Part
  note: Part
}

function keyFigures(data: ReportData): KeyFigure[] {
  return [took(data), controlPlane(data), longestOutage(data), kept(data), ...compared(data)]
}

function took({ plan, journal }: ReportData): KeyFigure {
  const story = runStory(plan, journal)
  const activeForMs = activeMs(story)
  const pausedMs = story.untilMs - story.fromMs - activeForMs
  const paused = pausedMs === 0 ? '' : `; nobody was at it for ${duration(pausedMs)} more`
  const done = journal.filter(({ kind }) => kind === 'done').length
  return {
    name: 'Took',
    value: duration(activeForMs),
    note: `${plan.steps.length} steps, ${done} changes done${paused}`,
  }
}

const missing = (name: string, note: string): KeyFigure => ({ name, value: html`<span class="quiet">–</span>`, note })

function controlPlane({ plan, journal, pairs, beforehand }: ReportData): KeyFigure {
  const name = 'Kubernetes API away'
  const announced = stepOutages(plan, journal, pairs, beforehand).filter(({ lasted }) => lasted !== null)
  const lasted = announced.flatMap((outage) => outage.lasted ?? [])
  const expectedMs = announced.reduce((sum, outage) => sum + (outage.expectedMs ?? 0), 0)
  if (announced.length === 0) return missing(name, 'no step announced it')
  const open = lasted.some(({ endMs }) => endMs === null)
  const total = lasted.reduce((sum, { startMs, endMs }) => sum + ((endMs ?? startMs) - startMs), 0)
  return {
    name,
    value: open ? 'not over' : lasted.length === 0 ? 'never' : duration(total),
    note: `${lasted.length > 1 ? `${lasted.length} times; ` : ''}announced: at most ${duration(expectedMs)}`,
  }
}

function longestOutage({ pairs, beforehand }: ReportData): KeyFigure {
  const name = 'Longest between pods'
  if (pairs.length === 0) return missing(name, 'not measured')
  const { interrupted, working, longestMs, notBack } = summarize(pairs)
  const back = notBack.length === 0 ? 'all back' : `${notBack.length} not back`
  const too = pairs.filter(({ id, outages }) => outages.length > 0 && beforehand.includes(id)).length
  const notOnly = too === 0 ? '' : `, ${too} of them before the run too`
  return {
    name,
    value: duration(longestMs),
    note: `${interrupted} of ${working} pairs were interrupted${notOnly}; ${back}`,
  }
}

function kept({ before, after }: ReportData): KeyFigure {
  const name = 'Pairs that still connect'
  if (!before?.reachability || !after?.reachability) return missing(name, 'not recorded both before and after')
  const compared = compareReachability(before.reachability, after.reachability)
  const worked = compared.filter((pair) => pair.before === 'ok')
  const lost = worked.filter(({ verdict }) => verdict === 'worse').length
  const opened = compared.filter(({ verdict }) => verdict === 'better').length
  return {
    name,
    value: `${worked.filter((pair) => pair.after === 'ok').length} of ${worked.length}`,
    note: `${lost} lost, ${opened} opened, of ${compared.length} tried`,
  }
}

/** Only where it was measured: the sections say how it would be. */
function compared({ comparison }: ReportData): KeyFigure[] {
  const { failures = null, rejects = null } = comparison ?? {}
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return [
    ...(failures === null
      ? []
      : [
          {
            name: 'Attempts that failed',
            value: `${percent(failures.before.share)} → ${percent(failures.after.share)}`,
            note: `before → after: ${changes[failures.change]}`,
          },
        ]),
    ...(rejects === null
      ? []
      : [
          {
            name: 'Refused packets an hour',
            value: `${rejects.before.perHour.toFixed(0)} → ${rejects.after.perHour.toFixed(0)}`,
            note: `before → after: ${changes[rejects.change]}`,
          },
        ]),
  ]
}

const changes = {
  fixed: 'fixed; the intervals do not overlap',
  better: 'better',
  same: 'no more than chance',
  worse: html`<strong class="bad">worse</strong>`,
}
