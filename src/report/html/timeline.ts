import { CLUSTER, type Plan } from '../../engine/model.ts'
import { duration } from '../duration.ts'
import { activeMs, type RunStory, runStory, type TaskEnd } from '../run-story.ts'
import { stepOutages } from '../step-outages.ts'
import { figure } from './figure.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { notableEvents } from './notable-events.ts'
import type { ReportData } from './report-data.ts'
import { awayText, type Band, ends, type Timeline, timelinePicture } from './timeline-picture.ts'
import { clockSince, since } from './times.ts'

/** How the run went: who was changed when, what was interrupted, when nobody was there. */
export function timelineSection({ plan, journal, pairs, beforehand }: ReportData): Markup {
  const story = runStory(plan, journal)
  const bands = phaseBands(plan, story, journal)
  const away = stepOutages(plan, journal, pairs, beforehand).flatMap(({ lasted, what }) =>
    (lasted ?? []).map((one) => ({ ...one, what })),
  )
  const timeline: Timeline = { plan, story, targets: targetsOf(plan), bands, away }
  return html`<section id="story"><h2>How it went</h2>
${figure({
  title: 'The run, node by node',
  says: storyText(timeline),
  legend: legend(timeline),
  picture: (width) => timelinePicture(timeline, width),
  table: stepTable(plan, story),
})}
${notableEvents(plan, journal)}
</section>`
}

function legend({ story, bands, away }: Timeline): Markup {
  const used = new Set(story.tasks.map(({ end }) => end))
  return html`<ul class="legend">
${[...used].map((end) => html`<li><span class="swatch ${end}"></span>${ends[end].name}</li>`)}
<li><span class="swatch check"></span>check or record</li>
${away.length > 0 ? html`<li><span class="swatch away"></span>interrupted</li>` : null}
${story.pauses.length > 0 ? html`<li><span class="swatch pause"></span>nobody at it</li>` : null}
</ul>
<ol class="phases">${bands.map(({ number, title, startMs, endMs }) => html`<li value="${number}">${title} <span class="quiet">${duration(endMs - startMs)}</span></li>`)}</ol>`
}

/** The cluster first, then nodes as they first stand in the plan. */
function targetsOf(plan: Plan): string[] {
  const all = new Set(plan.steps.flatMap((step) => step.tasks.map(({ target }) => target)))
  return [...(all.has(CLUSTER) ? [CLUSTER] : []), ...[...all].filter((target) => target !== CLUSTER)]
}

/** Phases as they were gone through, and the ways back. */
function phaseBands(plan: Plan, story: RunStory, journal: ReportData['journal']): Band[] {
  const titles = new Map(plan.steps.map(({ phaseId, phaseTitle }) => [phaseId, phaseTitle]))
  const bands: (Band & { phaseId: string })[] = []
  for (const { phaseId, startMs, endMs } of story.steps) {
    const last = bands.at(-1)
    if (last?.phaseId === phaseId) last.endMs = endMs
    else bands.push({ phaseId, number: bands.length + 1, title: titles.get(phaseId) ?? phaseId, startMs, endMs })
  }
  const starts = journal.filter(({ kind }) => kind === 'rollback-started')
  const back = starts.map(({ time, seq }) => {
    const over = journal.find((entry) => entry.seq > seq && entry.kind === 'rollback-finished')
    return {
      title: 'Going back',
      startMs: Date.parse(time),
      endMs: over === undefined ? story.untilMs : Date.parse(over.time),
    }
  })
  return [...bands, ...back]
    .toSorted((a, b) => a.startMs - b.startMs)
    .map(({ title, startMs, endMs }, index) => ({ number: index + 1, title, startMs, endMs }))
}

function storyText({ story, targets, away }: Timeline): string {
  const count = (end: TaskEnd) => story.tasks.filter((task) => task.end === end).length
  const failed = count('failed') + count('undo-failed')
  const killed = story.pauses.filter(({ reason }) => reason === null).length
  return [
    `${story.tasks.length - count('undone') - count('undo-failed')} changes on ${placesText(targets)} in ${duration(activeMs(story))}.`,
    failed > 0 ? `${failed} failed.` : 'None failed.',
    count('undone') > 0 ? `${count('undone')} were undone.` : '',
    killed > 0 ? `The operator's side was killed ${times(killed)} and resumed.` : '',
    ...away.map((one) => `Interrupted: ${awayText(one)}.`),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

const placesText = (targets: readonly string[]) => {
  const nodes = targets.filter((target) => target !== CLUSTER).length
  return `${nodes} ${nodes === 1 ? 'node' : 'nodes'}${targets.includes(CLUSTER) ? ' and in the API' : ''}`
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`)

function stepTable(plan: Plan, story: RunStory): Markup {
  const stepOf = new Map(plan.steps.map((step, index) => [step.stepId, { ...step, number: index + 1 }]))
  const steps = story.steps.map((one) => {
    const step = stepOf.get(one.stepId)
    const tasks = story.tasks.filter(
      ({ stepId, startMs }) => stepId === one.stepId && startMs >= one.startMs && startMs <= one.endMs,
    )
    const doubt = tasks.some(({ end }) => end === 'in-doubt') ? ', a task in doubt' : ''
    const end = one.end === 'open' ? `came to no checkpoint${doubt}` : one.end
    return {
      startMs: one.startMs,
      cells: [step?.number ?? '', step?.title ?? one.stepId, tasks.map(({ target }) => target).join(' ')],
      endMs: one.endMs,
      end,
    }
  })
  const undone = story.tasks
    .filter(({ end }) => end === 'undone' || end === 'undo-failed')
    .map((task) => {
      const step = stepOf.get(task.stepId)
      return {
        startMs: task.startMs,
        cells: [step?.number ?? '', `Undoing: ${step?.title ?? task.stepId}`, task.target],
        endMs: task.endMs,
        end: ends[task.end].name,
      }
    })
  return htmlTable(
    'Steps in the order in which they were begun',
    [
      { title: 'No.', isNumber: true },
      { title: 'Step' },
      { title: 'On' },
      { title: 'Begun (UTC)', isNumber: true },
      { title: 'Since start', isNumber: true },
      { title: 'Took', isNumber: true },
      { title: 'Ended' },
    ],
    [...steps, ...undone]
      .toSorted((a, b) => a.startMs - b.startMs)
      .map(({ startMs, cells, endMs, end }) => [
        ...cells,
        clockSince(startMs, story.fromMs),
        since(startMs, story.fromMs),
        duration(endMs - startMs),
        end,
      ]),
  )
}
