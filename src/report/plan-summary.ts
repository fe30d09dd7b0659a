import {
  CLUSTER,
  type Finding,
  type Guard,
  isInTheWay,
  type Plan,
  type PlannedStep,
  type PlannedTask,
  type Rendering,
  type Target,
  type UndoNote,
} from '../engine/model.ts'
import { visible } from '../visible.ts'
import { duration } from './duration.ts'

/** What a plan comes to, counted once for every form in which it is printed. */
export interface PlanSummary {
  phases: number
  steps: number
  changes: number
  /** Nodes that are changed. */
  nodes: string[]
  changesCluster: boolean
  /** Expected interruption by what is interrupted, added up over the steps. */
  outages: { what: string; expectedMs: number }[]
  /** Steps with changes that cannot be undone. */
  oneWay: PlannedStep[]
  /** What stands open from a step on, until the next of these. */
  exposures: { from: string; what: string }[]
  /** Steps from which on going back costs more, and what. */
  pointsOfNoReturn: { from: string; why: string }[]
}

export function summarise(plan: Plan): PlanSummary {
  const targets = new Set(
    plan.steps.flatMap(({ tasks, unread = [] }) => [...tasks.map(({ target }) => target), ...unread]),
  )
  const outages = new Map<string, number>()
  for (const { outage } of plan.steps.filter(isEffective)) {
    if (outage) outages.set(outage.what, (outages.get(outage.what) ?? 0) + outage.expectedMs)
  }
  return {
    phases: new Set(plan.steps.map((step) => step.phaseId)).size,
    steps: plan.steps.length,
    changes: plan.steps.reduce((sum, step) => sum + step.tasks.length, 0),
    nodes: [...targets].filter((target) => target !== CLUSTER),
    changesCluster: targets.has(CLUSTER),
    outages: [...outages].map(([what, expectedMs]) => ({ what, expectedMs })),
    exposures: plan.steps.flatMap(({ stepId, exposure }) =>
      exposure === undefined ? [] : [{ from: stepId, what: exposure }],
    ),
    pointsOfNoReturn: plan.steps.flatMap(({ stepId, pointOfNoReturn }) =>
      pointOfNoReturn === undefined ? [] : [{ from: stepId, why: pointOfNoReturn }],
    ),
    oneWay: plan.steps.filter((step) => isEffective(step) && step.undo !== undefined && 'impossible' in step.undo),
  }
}

/** It changes something, or may: of targets that were not settled nobody knows yet. */
export const mayChange = ({ tasks, unread = [] }: PlannedStep): boolean => tasks.length + unread.length > 0

/** A change step whose every target is already as wanted does nothing, so it interrupts nothing either. */
export const isEffective = (step: PlannedStep): boolean => step.kind !== 'change' || mayChange(step)

/** Of the targets that nothing is planned for, because nothing was known of them. */
export const unreadText = (unread: readonly Target[]): string =>
  `${unread.join(', ')}: silent or still changing when this was planned; looked at before the step, and brought to the same`

/** How something is undone, or why it need not or cannot be. */
export function undoText(undo: UndoNote): string {
  if ('how' in undo) return undo.how
  return 'notNeeded' in undo ? `none needed: ${undo.notNeeded}` : `cannot be undone: ${undo.impossible}`
}

/** What a guard does, where, and when. */
export function guardText({ targets, timeMs, does }: Guard): string {
  return `${targets.join(', ')}: a node that has not heard of us for ${duration(timeMs)}, cut off or because the step failed, ${does}`
}

/** Where a step acts, as short as it can be said. */
export function targetsOf(step: PlannedStep): string {
  if (step.kind === 'gate') return '(checks)'
  if (step.kind === 'record') return '(records)'
  const { tasks, unread = [] } = step
  return mayChange(step)
    ? [...tasks.map(({ target }) => target), ...unread.map((target) => `${target}?`)].join(' ')
    : '(already so)'
}

/** Tasks of a step that read the same, together: four nodes with one and the same file need it shown once. */
export function alike(tasks: readonly PlannedTask[]): { targets: string[]; rendering: Rendering }[] {
  const groups = Map.groupBy(tasks, ({ rendering }) => JSON.stringify(rendering))
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [{ targets: group.map(({ target }) => target), rendering: first.rendering }]
  })
}

const order = ['blocks', 'unknown', 'warns', 'fine'] as const

/** What stands in the way first. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level))
}

/** `1 blocks, 2 warn, 9 fine`. */
export function countFindings(findings: readonly Finding[]): string {
  const counts = order.map((level) => [level, findings.filter((finding) => finding.level === level).length] as const)
  return counts
    .filter(([, count]) => count > 0)
    .map(([level, count]) => `${count} ${level}`)
    .join(', ')
}

/** The order of steps and other parameters as `name: value`, for a heading. */
export function paramsText(params: Plan['params']): string {
  if (params === null || typeof params !== 'object' || Array.isArray(params)) return JSON.stringify(params)
  return Object.entries(params)
    .filter(([, value]) => value !== null && typeof value !== 'object')
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join(' · ')
}

/** The first half of a digest: enough to compare two by eye. */
export function shortDigest(digest: string): string {
  return visible(digest.replace(/^sha256:/, '').slice(0, 12))
}

export function isBlocked(findings: readonly Finding[]): boolean {
  return findings.some(isInTheWay)
}
