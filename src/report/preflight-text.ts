import { createColors } from 'picocolors'
import { CLUSTER, type Finding, isInTheWay, type Level } from '../engine/model.ts'
import { visible } from '../visible.ts'
import { alike } from './alike.ts'
import { type Cell, table, wrap } from './table.ts'

/** In the order in which an operator has to look at them. */
const headings: readonly (readonly [Exclude<Level, 'fine'>, string])[] = [
  ['blocks', 'Blocks'],
  ['unknown', 'Could not be told'],
  ['warns', 'Warns'],
]

/** The first line says how it stands; what is in the way comes first, what is fine last and in one list of titles. */
export function preflightText(
  findings: readonly Finding[],
  { colour, width }: { colour: boolean; width: number },
): string[] {
  if (findings.length === 0) return ['Nothing to check: the cluster is already as the runbook wants it.']
  const colours = createColors(colour)
  const styles: Record<Level, (text: string) => string> = {
    blocks: (text) => colours.bold(colours.red(text)),
    unknown: colours.magenta,
    warns: colours.yellow,
    fine: colours.green,
  }
  const sections = headings.flatMap(([level, heading]) => {
    const found = alike(findings.filter((finding) => finding.level === level))
    if (found.length === 0) return []
    const rows = found.flatMap(({ finding, targets }): (Cell | string)[][] => [
      [
        { text: visible(targets.join(' ') || CLUSTER), style: colours.cyan },
        { text: visible(finding.title), style: colours.bold },
      ],
      [
        '',
        visible(finding.detail) + (level === 'unknown' && !isInTheWay(finding) ? ' (does not stand in the way)' : ''),
      ],
      ...(finding.fix === undefined ? [] : [['', visible(`To do: ${finding.fix}`)]]),
    ])
    return [styles[level](`${heading} (${found.length})`), ...table(rows, width - 2).map((line) => `  ${line}`), '']
  })
  const fine = [...new Set(findings.filter(({ level }) => level === 'fine').map(({ title }) => visible(title)))]
  // What is fine on one node and not on another is told above.
  const worse = new Set(findings.filter(({ level }) => level !== 'fine').map(({ title }) => visible(title)))
  const quiet = fine.filter((title) => !worse.has(title))
  return [
    ...sections,
    ...(quiet.length === 0
      ? []
      : [
          styles.fine(`Fine (${quiet.length})`),
          ...wrap(quiet.join(' · '), width - 2).map((line) => colours.dim(`  ${line}`)),
          '',
        ]),
    ...wrap(verdict(findings), width).map((line) => colours.bold(line)),
  ]
}

function verdict(findings: readonly Finding[]): string {
  const inTheWay = alike(findings.filter(isInTheWay)).length
  const warnings = alike(findings.filter(({ level }) => level === 'warns')).length
  if (inTheWay > 0) return `Blocked by ${inTheWay}: nothing can be run before that is mended.`
  if (warnings === 0) return 'Nothing stands in the way.'
  return `Nothing stands in the way; read the ${warnings === 1 ? 'warning' : `${warnings} warnings`}.`
}
