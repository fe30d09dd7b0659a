import * as Plot from '@observablehq/plot'
import { duration } from '../duration.ts'
import { figure, isNarrow, shortened, shownText } from './figure.ts'
import { html, type Markup } from './html.ts'
import { htmlTable } from './html-table.ts'
import { type Cell, cellsOf, fromRecord, fromSeries, judgedCells, type Look, type Seen } from './matrix-cells.ts'
import { notMeasured } from './not-measured.ts'
import type { Measured, ReportData } from './report-data.ts'
import { dateAndTime } from './times.ts'

const cellWidth = 40
const cellHeight = 26
/** Names above the columns stand at an angle. */
const marginTop = 165
const marginRight = 125

const looks: Readonly<Record<Look, { name: string; sign: string; colour: string }>> = {
  works: { name: 'works', sign: '●', colour: 'var(--good)' },
  mixed: { name: 'fails sometimes', sign: '◐', colour: 'var(--doubt-ink)' },
  refused: { name: 'refused', sign: '✕', colour: 'var(--refused)' },
  timeout: { name: 'timed out', sign: '□', colour: 'var(--refused)' },
  'dns-failed': { name: 'name not found', sign: '△', colour: 'var(--refused)' },
  unknown: { name: 'tried without result', sign: '?', colour: 'var(--quiet)' },
}

const shownLooks = Object.keys(looks) as Look[]

/** Who reaches whom, before and after, in one picture: what changed stands out, what stayed does not. */
export function matrixSection(data: ReportData): Markup {
  const source = sourceOf(data)
  return html`<section id="connectivity"><h2>Who reaches whom</h2>
${source === null ? missing() : matrixFigure(source.cells, source.from)}
</section>`
}

function missing(): Markup {
  return notMeasured(
    'Who reaches whom was not measured.',
    'A run records it before its first change. For longer series, take a baseline before a run:',
    'migrate baseline --duration 10m',
  )
}

function sourceOf({ baseline, verification, comparison, before, after }: ReportData) {
  if (baseline !== null && verification !== null && comparison !== null) {
    const said = ({ evidence }: Measured) =>
      `${duration(evidence.untilMs - evidence.fromMs)} of attempts from ${dateAndTime(evidence.fromMs)} UTC`
    const [then, now] = [fromSeries(baseline.evidence.series), fromSeries(verification.evidence.series)]
    return {
      cells: judgedCells(then, now, comparison.pairs),
      from: `Before: ${said(baseline)}; after: ${said(verification)}. What differs by no more than chance is called the same.`,
    }
  }
  if (!before?.reachability) return null
  const atEnd = after?.reachability
    ? `, and at the end, ${shownDate(after.readAt)} UTC.`
    : '; the run recorded nothing at its end.'
  return {
    cells: cellsOf(fromRecord(before.reachability), fromRecord(after?.reachability ?? [])),
    from: `One attempt each: before the first change, ${shownDate(before.readAt)} UTC${atEnd}`,
  }
}

const shownDate = (iso: string) => dateAndTime(Date.parse(iso))

function matrixFigure(cells: readonly Cell[], from: string): Markup {
  const rows = [...new Set(cells.map((cell) => cell.from))].toSorted(byKindAndName)
  const columns = [...new Set(cells.map(({ to }) => to))].toSorted(byKindAndName)
  const changed = cells.filter(({ change }) => change !== 'none')
  const halves = cells.flatMap((cell) => [
    { ...half(cell, cell.before, 'before'), dx: -9 },
    { ...half(cell, cell.after, 'after'), dx: 9 },
  ])
  const signs = (dx: number) =>
    Plot.text(
      halves.filter((one) => one.dx === dx),
      { x: 'to', y: 'from', dx, text: 'sign', fill: 'colour', title: 'title', fontSize: 15 },
    )
  const used = new Set(halves.flatMap(({ look }) => (look === null ? [] : [look])))
  return figure({
    title: 'Connectivity, before and after',
    says: `${says(cells)} ${from}`,
    legend: html`<ul class="legend"><li>In each field: <b>left</b> before, <b>right</b> after.</li>
${shownLooks.filter((look) => used.has(look)).map((look) => html`<li><span class="sign ${look}">${looks[look].sign}</span> ${looks[look].name}</li>`)}
<li><span class="swatch worse"></span>worse than before</li><li><span class="swatch better"></span>opened, or better, since</li></ul>`,
    picture: (width) => {
      const marginLeft = isNarrow(width) ? 110 : 230
      return {
        width: marginLeft + columns.length * cellWidth + marginRight,
        height: marginTop + rows.length * cellHeight + 10,
        marginLeft,
        marginTop,
        marginRight,
        marginBottom: 10,
        x: {
          type: 'band',
          domain: columns,
          axis: 'top',
          label: null,
          tickSize: 0,
          tickRotate: -50,
          padding: 0.06,
          tickFormat: (to: string) => shortened(to, 190),
        },
        y: {
          type: 'band',
          domain: rows,
          label: null,
          tickSize: 0,
          padding: 0.08,
          tickFormat: (name: string) => shortened(name, marginLeft - 8),
        },
        marks: [
          Plot.gridY({ stroke: 'var(--line)' }),
          Plot.cell(cells, { x: 'to', y: 'from', fill: 'var(--cell)', stroke: 'var(--line)' }),
          Plot.cell(changed, {
            x: 'to',
            y: 'from',
            fill: (cell) => tint(cell),
            stroke: (cell) => edge(cell),
            strokeWidth: 2,
          }),
          signs(-9),
          signs(9),
        ],
      }
    },
    table: cellTable(cells),
  })
}

const tint = ({ change }: Cell) => (change === 'worse' ? 'var(--worse)' : 'var(--better)')
const edge = ({ change }: Cell) => (change === 'worse' ? 'var(--bad)' : 'var(--good)')

function half({ from, to }: Cell, seen: Seen | null, when: string) {
  if (seen === null) return { from, to, look: null, sign: '', colour: 'none', title: '' }
  const { sign, colour } = looks[seen.look]
  return { from, to, look: seen.look, sign, colour, title: shownText(`${from} → ${to}: ${when}: ${seen.text}`) }
}

function says(cells: readonly Cell[]): string {
  const both = cells.filter(({ before, after }) => before !== null && after !== null)
  const count = (test: (cell: Cell) => boolean) => both.filter(test).length
  if (both.length === 0) return `${cells.length} pairs were tried before, none after.`
  const worked = count(({ before }) => before?.look === 'works')
  const kept = count(({ before, after }) => before?.look === 'works' && after?.look === 'works')
  const refused = count(({ before, after }) => before?.look === 'refused' && after?.look === 'timeout')
  return [
    `Of ${both.length} pairs tried both times, ${worked} worked before and ${kept === worked ? 'all of them' : `${kept} of them`} do after;`,
    `${count(({ change }) => change === 'worse')} are worse, ${count(({ change }) => change === 'better')} better.`,
    refused > 0 ? `Refused at once before and timing out now: ${refused}; what kube-router rejects, Cilium drops.` : '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

/** Pods by namespace and name, then nodes, Services, names and what is outside. */
function byKindAndName(a: string, b: string): number {
  const kind = (name: string) =>
    ['node:', 'service:', 'dns:', 'external:'].findIndex((scheme) => name.startsWith(scheme))
  return kind(a) - kind(b) || (a < b ? -1 : 1)
}

function cellTable(cells: readonly Cell[]): Markup {
  const order = { worse: 0, better: 1, none: 2 }
  const verdict = { worse: html`<strong class="bad">worse</strong>`, better: html`<strong>better</strong>`, none: '' }
  return htmlTable(
    'Every pair, what changed first',
    [{ title: 'From' }, { title: 'To' }, { title: 'Before' }, { title: 'After' }, { title: 'Change' }],
    cells
      .toSorted((a, b) => order[a.change] - order[b.change])
      .map(({ from, to, before, after, change, note }) => [
        html`<code>${from}</code>`,
        html`<code>${to}</code>`,
        before?.text ?? 'not tried',
        after?.text ?? 'not tried',
        note === '' ? verdict[change] : [verdict[change], ' ', note],
      ]),
  )
}
