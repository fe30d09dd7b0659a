import { InputError } from '../errors.ts'
import { digestOf } from './digest.ts'
import {
  type ChangeStep,
  type Finding,
  type GateStep,
  type Json,
  type Phase,
  type Plan,
  type PlannedStep,
  type PlannedTask,
  type Runbook,
  type Step,
  type Target,
  undoNote,
} from './model.ts'

/** What a plan says of itself besides what follows from runbook, parameters and facts. */
export interface PlanMeta {
  id: string
  /** ISO time. */
  createdAt: string
  toolVersion: string
  cluster: string
  inventoryDigest: string
}

/**
 * Folds diff and predict through the runbook: each step is planned against the facts that the steps before it will have
 * made. Pure, so it works offline from a facts file.
 * @param params as given by the operator; the runbook validates them (InputError)
 * @param facts JSON, as read
 */
export function plan<Facts extends object, World, Params>(
  runbook: Runbook<Facts, World, Params>,
  params: unknown,
  facts: Facts,
  meta: PlanMeta,
): Plan {
  const parsed = runbook.parseParams(params)
  const findings: Finding[] = []
  const steps: PlannedStep[] = []
  if (!runbook.finished(facts, parsed)) {
    const phases = runbook.phases(parsed, facts)
    stepsById(phases)
    const unsettled = runbook.unsettled?.(facts) ?? []
    let predicted = facts
    for (const phase of phases) {
      for (const step of phase.steps) {
        if (step.when !== undefined && !step.when(facts)) continue
        if (step.kind === 'gate' && step.preflight === true) findings.push(...step.check(facts, {}))
        if (step.kind === 'change') {
          const planned = planChanges(step, predicted, unsettled)
          steps.push(describeChangeStep(phase, step, planned, predicted))
          predicted = planned.facts
        } else {
          steps.push(describeStep(phase, step))
        }
      }
    }
  }
  return {
    format: 1,
    id: meta.id,
    createdAt: meta.createdAt,
    toolVersion: meta.toolVersion,
    cluster: meta.cluster,
    runbook: runbook.name,
    params: parsed as Json,
    inventoryDigest: meta.inventoryDigest,
    factsDigest: digestOf(facts as unknown as Json),
    changesDigest: changesDigest(steps),
    findings,
    steps,
  }
}

/** All steps of a runbook by id; InputError when an id stands twice or could not name a unit on a node. */
export function stepsById<Facts, World>(phases: readonly Phase<Facts, World>[]): Map<string, Step<Facts, World>> {
  const steps = new Map<string, Step<Facts, World>>()
  for (const phase of phases) {
    for (const step of phase.steps) {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(step.id)) {
        throw new InputError(`runbook: step id "${step.id}" in phase ${phase.id} is not kebab-case (like stop-k3s)`)
      }
      if (steps.has(step.id)) {
        throw new InputError(`runbook: step id "${step.id}" stands twice, the second time in phase ${phase.id}`, {
          next: 'give one of the two another id: the journal and --to name steps by it',
        })
      }
      steps.set(step.id, step)
    }
  }
  return steps
}

interface PlannedChanges<Facts> {
  targets: readonly Target[]
  unread: Target[]
  tasks: PlannedTask[]
  facts: Facts
}

function planChanges<Facts, World>(
  step: ChangeStep<Facts, World>,
  before: Facts,
  unsettled: readonly Target[],
): PlannedChanges<Facts> {
  const { operation } = step
  const targets = step.targets(before)
  const tasks: PlannedTask[] = []
  const unread: Target[] = []
  let facts = before
  for (const target of targets) {
    // Parallel tasks are applied side by side, so none may be planned on what another one does.
    const change = operation.diff(step.order === 'parallel' ? before : facts, target)
    if (change === null) {
      if (unsettled.includes(target)) unread.push(target)
      continue
    }
    tasks.push({ target, change, fingerprint: operation.fingerprint(change), rendering: operation.render(change) })
    facts = operation.predict(facts, target, change)
  }
  return { targets, unread, tasks, facts }
}

function describeChangeStep<Facts, World>(
  phase: Phase<Facts, World>,
  step: ChangeStep<Facts, World>,
  planned: PlannedChanges<Facts>,
  before: Facts,
): PlannedStep {
  const { undo } = step.operation
  const touched = [...planned.tasks.map((task) => task.target), ...planned.unread]
  return {
    ...describe(phase, step),
    operation: step.operation.name,
    order: step.order,
    risk: step.risk,
    undo: undoNote(undo),
    ...(step.skippable === undefined ? {} : { skippable: step.skippable }),
    ...(step.outage === undefined || touched.length === 0 ? {} : { outage: { ...step.outage } }),
    ...(step.membersUp === undefined || touched.length === 0 ? {} : { membersUp: step.membersUp(before, touched) }),
    ...(step.exposure === undefined || touched.length === 0 ? {} : { exposure: step.exposure }),
    ...(step.pointOfNoReturn === undefined || touched.length === 0 ? {} : { pointOfNoReturn: step.pointOfNoReturn }),
    ...(step.guard === undefined || touched.length === 0 ? {} : { guard: step.guard(before, touched) }),
    timeoutMs: step.timeoutMs,
    ...(step.takesMs === undefined || touched.length === 0
      ? {}
      : { takesMs: step.takesMs * (step.order === 'serial' ? touched.length : 1) }),
    targets: [...planned.targets],
    ...(planned.unread.length === 0 ? {} : { unread: planned.unread }),
    tasks: planned.tasks,
  }
}

function describeStep<Facts, World>(
  phase: Phase<Facts, World>,
  step: Exclude<Step<Facts, World>, ChangeStep<Facts, World>>,
) {
  return { ...describe(phase, step), ...timeoutOf(step) }
}

function timeoutOf<Facts>(step: GateStep<Facts> | { kind: 'record' }): { timeoutMs?: number } {
  return step.kind === 'gate' ? { timeoutMs: step.timeoutMs } : {}
}

function describe<Facts, World>(phase: Phase<Facts, World>, step: Step<Facts, World>): PlannedStep {
  return {
    phaseId: phase.id,
    phaseTitle: phase.title,
    stepId: step.id,
    title: step.title,
    why: step.why,
    kind: step.kind,
    tasks: [],
  }
}

function changesDigest(steps: readonly PlannedStep[]): string {
  return digestOf(
    steps.flatMap(({ stepId, tasks, unread = [] }) => [
      ...tasks.map(({ target, fingerprint }) => [stepId, target, fingerprint]),
      ...unread.map((target) => [stepId, target]),
    ]),
  )
}
