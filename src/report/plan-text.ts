import { createColors } from 'picocolors'
import type { Finding, Plan, PlannedStep } from '../engine/model.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { collapse, unifiedDiff } from './file-diff.ts'
import {
  alike,
  countFindings,
  guardText,
  isEffective,
  mayChange,
  paramsText,
  shortDigest,
  sortFindings,
  summarise,
  targetsOf,
  undoText,
  unreadText,
} from './plan-summary.ts'
import { type Cell, table, tableRows, wrap } from './table.ts'

export interface TextOptions {
  colour: boolean
  /** Characters in a line. */
  width: number
  /** Diffs longer than this many lines are cut, saying by how much; Infinity shows all. */
  maxDiffLines: number
}

type Colours = ReturnType<typeof createColors>

/** The dry run as an operator reads it: what it comes to, the steps in their order, then every change. */
export function planText(plan: Plan, options: TextOptions): string {
  const effective = plan.steps.filter(mayChange)
  if (effective.length === 0) return planOverview(plan, options)
  const { bold } = createColors(options.colour)
  const changes = [bold('Changes'), ...effective.flatMap((step) => ['', ...stepText(plan, step, options)])]
  return `${planOverview(plan, options)}\n${changes.join('\n')}\n`
}

/** The same without the changes. */
export function planOverview(plan: Plan, options: Pick<TextOptions, 'colour' | 'width'>): string {
  const colours = createColors(options.colour)
  const parts = [header(plan, colours), findingsText(plan.findings, options)]
  if (plan.steps.length === 0) parts.push(['Nothing to do: the cluster is already as the runbook wants it.'])
  else parts.push(totals(plan, colours, options.width), stepTable(plan, options, colours))
  return `${parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n')}\n`
}

function header(plan: Plan, colours: Colours): string[] {
  const rows = [
    ['runbook', visible(plan.runbook)],
    ['parameters', visible(paramsText(plan.params)) || '(none)'],
    ['made', `${visible(plan.createdAt)} by migrate ${visible(plan.toolVersion)}`],
    [
      'digests',
      `changes ${shortDigest(plan.changesDigest)} · facts ${shortDigest(plan.factsDigest)} · inventory ${shortDigest(plan.inventoryDigest)}`,
    ],
  ]
  return [
    colours.bold(`Plan ${visible(plan.id)} for the cluster ${visible(plan.cluster)}`),
    ...table(rows, 200).map((line) => `  ${line}`),
  ]
}

function totals(plan: Plan, colours: Colours, width: number): string[] {
  const summary = summarise(plan)
  const where = [
    summary.nodes.length > 0 ? `on ${summary.nodes.join(', ')}` : '',
    summary.changesCluster ? 'in the Kubernetes API' : '',
  ]
  const head = colours.bold(
    `${summary.steps} steps in ${summary.phases} phases, ${summary.changes} changes ${visible(where.filter((part) => part !== '').join(' and '))}`,
  )
  const rows: Cell[][] = [
    ...summary.outages.map(({ what, expectedMs }) => [
      { text: 'expected outage' },
      { text: visible(`${what}: ${duration(expectedMs)}`) },
    ]),
    ...summary.exposures.map(({ from, what }) => [{ text: 'open' }, { text: visible(`from ${from} on: ${what}`) }]),
    ...summary.pointsOfNoReturn.map(({ from, why }) => [
      { text: 'no return', style: colours.yellow },
      { text: visible(`from ${from} on: ${why}`) },
    ]),
    ...summary.oneWay.map(({ stepId, undo }) => {
      const why = undo && 'impossible' in undo ? undo.impossible : ''
      return [{ text: 'no way back', style: colours.yellow }, { text: visible(`from ${stepId} on: ${why}`) }]
    }),
  ]
  return [head, ...table(rows, width - 2).map((line) => `  ${line}`)]
}

/** Findings, what stands in the way first; fine ones as one line each. Also what pre-flight prints. */
export function findingsText(findings: readonly Finding[], options: Pick<TextOptions, 'colour' | 'width'>): string[] {
  if (findings.length === 0) return []
  const colours = createColors(options.colour)
  const style: Record<Finding['level'], (text: string) => string> = {
    blocks: (text) => colours.bold(colours.red(text)),
    unknown: colours.red,
    warns: colours.yellow,
    fine: colours.green,
  }
  const rows = sortFindings(findings).flatMap((finding): (Cell | string)[][] => {
    const about = `${finding.target === undefined ? '' : `${finding.target}: `}${finding.title}`
    const row: (Cell | string)[] = [
      { text: finding.level, style: style[finding.level] },
      visible(`${about}. ${finding.detail}`),
    ]
    return finding.fix === undefined
      ? [row]
      : [row, ['', { text: visible(`To do: ${finding.fix}`), style: colours.bold }]]
  })
  return [`Findings: ${countFindings(findings)}`, ...table(rows, options.width - 2).map((line) => `  ${line}`)]
}

function stepTable(plan: Plan, options: Pick<TextOptions, 'width'>, colours: Colours): string[] {
  const head = ['', 'step', '', 'on', '', 'etcd up', 'outage', 'way back']
  const rows = plan.steps.map((step, index): Cell[] => {
    const style = mayChange(step) ? {} : { style: colours.dim }
    return [
      { text: String(index + 1), ...style },
      { text: visible(step.stepId), ...style },
      { text: visible(step.title), ...style },
      { text: visible(targetsOf(step)), ...style },
      {
        text:
          step.tasks.length + (step.unread?.length ?? 0) > 1
            ? step.order === 'serial'
              ? 'one by one'
              : 'together'
            : '',
      },
      { text: mayChange(step) ? visible(step.membersUp ?? '') : '' },
      { text: step.outage && isEffective(step) ? duration(step.outage.expectedMs) : '' },
      wayBack(step, colours),
    ]
  })
  const [headLines = [], ...blocks] = tableRows(
    [head.map((text) => ({ text, style: colours.bold })), ...rows],
    options.width,
  )
  const body = plan.steps.flatMap((step, index) => {
    const isNew = step.phaseId !== plan.steps[index - 1]?.phaseId
    return [...(isNew ? [colours.cyan(visible(step.phaseTitle))] : []), ...(blocks[index] ?? [])]
  })
  return [...headLines, ...body]
}

function wayBack(step: PlannedStep, colours: Colours): Cell {
  if (!mayChange(step) || step.undo === undefined) return { text: '' }
  if ('impossible' in step.undo) return { text: 'none', style: colours.yellow }
  return { text: 'how' in step.undo ? 'yes' : 'none needed' }
}

/** One step with all its changes: in the plan, and when somebody asks for the diff before it runs. */
export function stepText(plan: Plan, step: PlannedStep, options: TextOptions): string[] {
  const colours = createColors(options.colour)
  const number = plan.steps.indexOf(step) + 1
  const lines = [colours.bold(`${number}/${plan.steps.length} ${visible(step.stepId)}: ${visible(step.title)}`)]
  const about = [
    ['why', step.why],
    ['risk', step.risk],
    ['undone', step.undo && undoText(step.undo)],
    ['outage', step.outage && `${step.outage.what}: ${duration(step.outage.expectedMs)}`],
    ['open', step.exposure],
    ['return', step.pointOfNoReturn],
    ['etcd up', step.membersUp],
    ['guard', step.guard && guardText(step.guard)],
  ] as const
  for (const [name, text] of about) {
    if (text === undefined) continue
    const [first = '', ...rest] = wrap(visible(text), options.width - 10)
    lines.push(`  ${name.padEnd(7)} ${first}`, ...rest.map((line) => `          ${line}`))
  }
  const unread = step.unread === undefined ? [] : [`  ${visible(unreadText(step.unread))}`]
  return [...lines, ...alike(step.tasks).flatMap((task) => taskText(task, options, colours)), ...unread]
}

function taskText(
  { targets, rendering }: ReturnType<typeof alike>[number],
  options: TextOptions,
  colours: Colours,
): string[] {
  const { summary, diffs = [], notes = [] } = rendering
  const lines = [
    `  ${colours.cyan(visible(targets.join(', ')))}: ${visible(summary)}`,
    ...notes.map((note) => `      ${visible(note)}`),
  ]
  for (const fileDiff of diffs) {
    const diff = unifiedDiff(fileDiff)
    if (diff.added + diff.removed === 0) continue
    const { lines: shown, hidden } = collapse(diff, options.maxDiffLines)
    lines.push(`      ${diff.subject} (lines: -${diff.removed} +${diff.added})`)
    lines.push(...shown.map((line) => `      ${colourDiffLine(line, colours)}`))
    if (hidden > 0) lines.push(colours.dim(`      ... ${hidden} more lines; a pipe shows all: migrate plan | less`))
  }
  return lines
}

function colourDiffLine(line: string, colours: Colours): string {
  if (line.startsWith('+')) return colours.green(line)
  if (line.startsWith('-')) return colours.red(line)
  return line.startsWith('@@') ? colours.cyan(line) : line
}
