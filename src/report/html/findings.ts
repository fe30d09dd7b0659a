import type { Advice, Diagnosis, Figure, Point } from '../../diagnosis/diagnosis.ts'
import { type Finding, isInTheWay } from '../../engine/model.ts'
import { duration } from '../duration.ts'
import { countFindings, sortFindings } from '../plan-summary.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { notMeasured } from './not-measured.ts'
import type { Measured, ReportData } from './report-data.ts'
import { dateAndTime } from './times.ts'

/** What the evidence means, before and after, and what the checks of the run found. */
export function findingSection(data: ReportData): Markup {
  const { baseline, verification } = data
  return html`<section id="findings"><h2>What was found</h2>
${
  baseline === null
    ? notMeasured(
        'What was wrong with the network before was not diagnosed.',
        'There is no baseline from before this run. To look at the cluster as it is now:',
        'migrate diagnose --duration 60s',
      )
    : measuredFindings('Before', baseline)
}
${verification === null ? null : measuredFindings('After', verification)}
${checks(data)}
</section>`
}

function measuredFindings(when: string, { evidence, diagnoses, notMeasured: missing }: Measured): Markup {
  const found = ['nothing was found', 'one cause'][diagnoses.length] ?? `${diagnoses.length} causes`
  return html`<h3>${when}: ${found}
<span class="quiet">in ${duration(evidence.untilMs - evidence.fromMs)} from ${dateAndTime(evidence.fromMs)} UTC</span></h3>
${diagnoses.map(diagnosisMarkup)}
${missing.length === 0 ? null : html`<details><summary>Not measured: ${missing.length}</summary><ul>${missing.map((gap) => html`<li>${gap}</li>`)}</ul></details>`}`
}

function diagnosisMarkup(diagnosis: Diagnosis): Markup {
  const { title, confidence, what, where, sinceMs, figures, points, details = [], disproof, advice, source } = diagnosis
  return html`<article class="finding">
<h4>${title} <span class="badge ${confidence}">${confidence}</span></h4>
<p>${what}</p>
<dl>
${where.length === 0 ? null : html`<dt>Where</dt> <dd>${where.join(', ')}</dd>`}
<dt>Since</dt> <dd>${sinceMs === null ? 'before it was watched' : `${dateAndTime(sinceMs)} UTC`}</dd>
<dt>Would disprove it</dt> <dd>${disproof}</dd>
<dt>Source</dt> <dd>${source}</dd>
</dl>
${htmlTable('The numbers it rests on', [{ title: 'What' }, { title: 'Measured', isNumber: true }, { title: '95 % interval', isNumber: true }, { title: 'Counts against it from', isNumber: true }], figures.map(figureRow))}
${points.length === 0 ? null : htmlTable('Point by point', [{ title: 'Holds' }, { title: 'Claim' }, { title: 'Figure' }], points.map(pointRow))}
${details.map(({ title: caption, head, rows }) =>
  htmlTable(
    caption,
    head.map((one) => ({ title: one })),
    rows,
  ),
)}
${advice.map(adviceMarkup)}
</article>`
}

const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(3))

function figureRow({ what, value, unit, interval, threshold }: Figure) {
  const shown = (one: number) => (unit === 'count' ? number(one) : `${number(one)} ${unit}`)
  return [
    what,
    shown(value),
    interval === undefined ? '' : `${number(interval[0])} to ${shown(interval[1])}`,
    threshold === undefined ? '' : shown(threshold),
  ]
}

const holds: Readonly<Record<Point['holds'], string>> = { true: '✓ true', false: '✕ false', unknown: '? unknown' }

function pointRow(point: Point) {
  return [html`<span class="holds-${point.holds}">${holds[point.holds]}</span>`, point.claim, point.figure]
}

function adviceMarkup({ text, warning, command, manifest }: Advice): Markup {
  return html`<div class="advice"><p>${text}</p>
${warning === undefined ? null : html`<p><strong>It may cost:</strong> ${warning}</p>`}
${command === undefined ? null : html`<pre tabindex="0">${command}</pre>`}
${manifest === undefined ? null : html`<details><summary>Manifest, for <code>kubectl apply -f -</code></summary><pre tabindex="0">${manifest}</pre></details>`}</div>`
}

/** As the gates found it when they were passed; for those never reached, as the plan found it. */
function checks({ plan, journal }: ReportData): Markup {
  const passed = journal.flatMap((entry) => (entry.kind === 'gate-passed' ? entry.findings : []))
  const findings = sortFindings(passed.length > 0 ? passed : plan.findings)
  if (findings.length === 0) return html`<p>No check found anything to say.</p>`
  const loud = findings.filter(({ level }) => level !== 'fine')
  const fine = findings.filter(({ level }) => level === 'fine')
  return html`<h3>The run’s own checks: ${countFindings(findings)}</h3>
${loud.length === 0 ? null : checkTable('What was not fine', loud)}
${fine.length === 0 ? null : html`<details><summary>What was fine: ${fine.length}</summary>${checkTable('What was fine', fine)}</details>`}`
}

function checkTable(caption: string, findings: readonly Finding[]): Markup {
  return htmlTable(
    caption,
    [{ title: 'Check' }, { title: 'Level' }, { title: 'On' }, { title: 'Found' }, { title: 'To do' }],
    findings.map((finding) => [
      finding.title,
      isInTheWay(finding) ? html`<strong class="bad">${finding.level}</strong>` : finding.level,
      finding.target ?? '',
      finding.detail,
      finding.fix ?? '',
    ]),
  )
}
