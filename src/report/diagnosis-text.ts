import { createColors } from 'picocolors'
import type { Diagnoses } from '../diagnosis/diagnose.ts'
import type { Advice, Detail, Diagnosis, Figure, Point } from '../diagnosis/diagnosis.ts'
import { visible, visibleLines } from '../visible.ts'
import { duration } from './duration.ts'
import { type Cell, table, wrap } from './table.ts'

interface Options {
  colour: boolean
  /** Characters in a line. */
  width: number
}
type Colours = ReturnType<typeof createColors>

/** What the rules found, the most likely first; then what could not be told. */
export function diagnosisText({ diagnoses, notMeasured }: Diagnoses, { colour, width }: Options): string[] {
  const colours = createColors(colour)
  const found = diagnoses.flatMap((one, index) => [
    ...(index === 0 ? [] : ['']),
    ...oneText(one, index + 1, colours, width),
  ])
  const missing = table(
    notMeasured.map((what) => ['-', visible(what)]),
    width - 2,
  )
  return [
    ...(diagnoses.length === 0 ? ['No rule sees its cause in this evidence.'] : found),
    ...(missing.length === 0 ? [] : ['', colours.bold('Not measured'), ...indented(missing)]),
  ]
}

const indented = (lines: readonly string[], by = 2) => lines.map((line) => (line === '' ? '' : ' '.repeat(by) + line))

function oneText(diagnosis: Diagnosis, number: number, colours: Colours, width: number): string[] {
  const inner = width - 3
  const style = { certain: colours.red, likely: colours.yellow, possible: colours.dim }[diagnosis.confidence]
  const heading = wrap(visible(`${diagnosis.title} (${diagnosis.rule})`), inner)
  const text = (content: string) => wrap(visible(content), inner)
  const rest = [
    ...heading.map((line) => colours.bold(line)),
    ...table([[{ text: diagnosis.confidence, style }, sinceText(diagnosis)]], inner),
    '',
    ...text(diagnosis.what),
    '',
    ...table([[{ text: 'where', style: colours.bold }, visible(diagnosis.where.join(', '))]], inner),
    '',
    colours.bold('Figures'),
    ...indented(figuresText(diagnosis.figures, inner - 2)),
    '',
    colours.bold('Points'),
    ...indented(pointsText(diagnosis.points, colours, inner - 2)),
    ...(diagnosis.details ?? []).flatMap((detail) => ['', ...detailText(detail, colours, inner)]),
    '',
    ...table([[{ text: 'It is not this, if', style: colours.bold }, visible(diagnosis.disproof)]], inner),
    '',
    colours.bold('What to do'),
    ...indented(diagnosis.advice.flatMap((one) => adviceText(one, colours, inner - 2))),
    '',
    ...table([[{ text: 'source', style: colours.bold }, visible(diagnosis.source)]], inner),
  ]
  const [first = '', ...others] = rest
  return [`${number}. ${first}`, ...indented(others, 3)]
}

const sinceText = ({ sinceMs }: Diagnosis) =>
  sinceMs === null ? 'since before this was watched' : `since ${new Date(sinceMs).toISOString()}`

const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 1 })

/** A number in its unit: `39.2 %`, `12,345 packets`, `5.1 s`. */
export function figureValue({ value, unit }: Pick<Figure, 'value' | 'unit'>): string {
  if (unit === 'ms') return duration(value)
  const shown = number(value)
  if (unit === 'count') return shown
  if (value === 1 && (unit === 'rules' || unit === 'packets')) return `1 ${unit.slice(0, -1)}`
  return unit.startsWith('/') ? `${shown}${unit}` : `${shown} ${unit}`
}

function figuresText(figures: readonly Figure[], width: number): string[] {
  return table(
    figures.map((figure) => [
      visible(figure.what),
      figureValue(figure),
      figure.interval === undefined ? '' : `${number(figure.interval[0])} to ${number(figure.interval[1])}`,
      figure.threshold === undefined
        ? ''
        : `from ${figureValue({ value: figure.threshold, unit: figure.unit })} on bad`,
    ]),
    width,
  )
}

function pointsText(points: readonly Point[], colours: Colours, width: number): string[] {
  const cells: Record<Point['holds'], Cell> = {
    true: { text: 'true', style: colours.bold },
    false: { text: 'false', style: colours.dim },
    unknown: { text: 'unknown', style: colours.yellow },
  }
  return table(
    points.map(({ claim, holds, figure }) => [cells[holds], visible(claim), visible(figure)]),
    width,
  )
}

function detailText({ title, head, rows }: Detail, colours: Colours, width: number): string[] {
  const cells = [
    head.map((text) => ({ text: visible(text), style: colours.dim })),
    ...rows.map((row) => row.map((text) => visible(text))),
  ]
  return [colours.bold(visible(title)), ...indented(table(cells, width - 2))]
}

/** A manifest stands by itself, evenly indented, so that it is still YAML where it is copied from. */
function adviceText({ text, warning, command, manifest }: Advice, colours: Colours, width: number): string[] {
  const rows: (string | Cell)[][] = [['-', visible(text)]]
  if (warning !== undefined) rows.push(['!', { text: visible(warning), style: colours.yellow }])
  const lines = table(rows, width)
  // Not wrapped: it is to be copied.
  if (command !== undefined) lines.push(`   ${colours.bold(`$ ${visible(command)}`)}`)
  if (manifest !== undefined) lines.push(...indented(visibleLines(manifest.trimEnd()).split('\n'), 5))
  return lines
}
