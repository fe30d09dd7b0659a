import { createColors } from 'picocolors'
import { isInTheWay, type Plan } from '../engine/model.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'
import { summarise } from './plan-summary.ts'
import type { TextOptions } from './plan-text.ts'
import { type Cell, table } from './table.ts'

/** What tells one way of doing it from another, of one plan. */
export interface PlanOutline {
  runbook: string
  params: Plan['params']
  steps: number
  changes: number
  outages: { what: string; expectedMs: number }[]
  /** From which step to which something stands open that otherwise does not, and for how long that is. */
  open: { from: string; to: string | null; what: string; lastsMs: number }[]
  pointsOfNoReturn: { from: string; why: string }[]
  /** Steps that cannot be undone. */
  oneWay: string[]
  /** Where nothing is wrong and nobody is asked. */
  estimatedMs: number
  /** Findings that stand in the way. */
  blockers: number
}

/** Steps that say nothing of their time take seconds: what reading facts, a gate or an edit takes. */
const unsaidMs = 2_000

export function outlineOf(plan: Plan): PlanOutline {
  const { steps, changes, outages, exposures, pointsOfNoReturn, oneWay } = summarise(plan)
  const takesMs = (from: number, to: number) =>
    plan.steps
      .slice(from, to)
      .reduce(
        (sum, step) => sum + (step.kind === 'change' && step.tasks.length === 0 ? 0 : (step.takesMs ?? unsaidMs)),
        0,
      )
  const at = (stepId: string) => plan.steps.findIndex((step) => step.stepId === stepId)
  // The last of them says what stands from then on for good.
  const open = exposures.slice(0, -1).map(({ from, what }, index) => {
    const to = exposures[index + 1]?.from ?? null
    return { from, to, what, lastsMs: takesMs(at(from), to === null ? plan.steps.length : at(to) + 1) }
  })
  return {
    runbook: plan.runbook,
    params: plan.params,
    ...{ steps, changes, outages, open, pointsOfNoReturn },
    oneWay: oneWay.map(({ stepId }) => stepId),
    estimatedMs: takesMs(0, plan.steps.length),
    blockers: plan.findings.filter(isInTheWay).length,
  }
}

function wayBack({ oneWay, pointsOfNoReturn }: PlanOutline): string[] {
  if (oneWay.length > 0) return [`none from ${oneWay.join(', ')} on`]
  return ['from every step', ...pointsOfNoReturn.map(({ from, why }) => `from ${from} on, ${why}`)]
}

const orElse = (items: string[], none: string): string[] => (items.length === 0 ? [none] : items)

const flags = ({ runbook, params }: PlanOutline): string =>
  [`--runbook ${runbook}`, ...Object.entries(params ?? {}).map(([key, value]) => `--${key} ${value}`)].join(' ')

/** Several ways of doing one thing to one cluster, side by side. */
export function comparisonText(
  plans: readonly Plan[],
  { colour, width }: Pick<TextOptions, 'colour' | 'width'>,
): string {
  const { bold } = createColors(colour)
  const outlines = plans.map(outlineOf)
  /** What has several items says each on lines of its own. */
  const rows: [string, (outline: PlanOutline) => string[]][] = [
    ['', ({ runbook, params }) => [[runbook, ...Object.values(params ?? {})].join(' ')]],
    ['steps', ({ steps, changes }) => [`${steps}, with ${changes} changes`]],
    [
      'expected outage',
      ({ outages }) =>
        orElse(
          outages.map(({ what, expectedMs }) => `${what}: ${duration(expectedMs)}`),
          'none',
        ),
    ],
    [
      'open meanwhile',
      ({ open }) =>
        orElse(
          open.map(({ from, to, what, lastsMs }) => `${what}, from ${from} to ${to}: about ${duration(lastsMs)}`),
          'nothing',
        ),
    ],
    ['way back', wayBack],
    ['estimated time', ({ estimatedMs }) => [`about ${duration(estimatedMs)}, and whatever you are asked`]],
    ['in the way', ({ blockers }) => [blockers === 0 ? 'nothing' : `${blockers} findings: migrate preflight`]],
    ['asked for by', (outline) => [flags(outline)]],
  ]
  const cells = rows.map(([name, text], index) => [
    { text: name, style: bold },
    ...outlines.map(
      (outline): Cell => ({
        text: text(outline).map(visible).join('\n'),
        ...(index === 0 ? { style: bold } : {}),
      }),
    ),
  ])
  return `${table(cells, width).join('\n')}\n`
}
