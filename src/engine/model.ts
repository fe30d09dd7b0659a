/**
 * The words of the engine. It knows operations only by this interface and nothing of K3s, Cilium or SSH:
 * `Facts` (what is true) and `World` (what can be acted on) are type parameters all the way through.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** Where a change is made: a node by its name, or CLUSTER for what lives in the Kubernetes API. */
export type Target = string
export const CLUSTER: Target = 'cluster'

export interface FileDiff {
  /** What is compared: a path, `iptables filter`, an object's name. */
  subject: string
  /** Text before and after; null: does not exist. Secrets are masked. */
  before: string | null
  after: string | null
}

/** What the operator reads about one change. */
export interface Rendering {
  /** One line, imperative: "delete 312 kube-router rules in filter (nft)". */
  summary: string
  diffs?: readonly FileDiff[]
  /** What is done besides, one line each. */
  notes?: readonly string[]
}

/** What an effect gets besides the world. */
export interface TaskContext {
  runId: string
  /** Unique in the run and the same after a resume: names transient units, so that a command cannot run twice. */
  taskId: string
  /** Aborted at the second Ctrl-C and at the task's deadline. */
  signal: AbortSignal
  /** Milliseconds until the deadline, for what is shown while waiting. */
  remainingMs(): number
  /** One line under the running task ("etcd: 2 of 3 members vote"); replaces the last one. */
  say(message: string): void
  /**
   * Tells the operator for good what happened besides: durable in the journal when it resolves, shown by status and report.
   * A run notes the same `key` only once, however often it is told.
   */
  note(key: string, message: string): Promise<void>
}

/**
 * Brings one aspect of a target to a wanted state and back.
 * diff, predict, fingerprint and render are pure; apply, verify and undo.run act.
 * `Change` must be JSON and hold all that undoing needs (or name the backup that does), and never a secret.
 */
export interface Operation<Facts, World, Wanted, Change> {
  readonly name: string
  /** Families of facts it looks at: read anew just before each task. */
  readonly reads: readonly string[]
  diff(facts: Facts, target: Target, wanted: Wanted): Change | null
  /** The facts after the change, for planning what comes later. */
  predict(facts: Facts, target: Target, change: Change): Facts
  /** What makes two changes the same. What K3s renames by itself (chains, pods, counters) is left out. */
  fingerprint(change: Change): Json
  render(change: Change): Rendering
  apply(world: World, target: Target, change: Change, task: TaskContext): Promise<void>
  /** Throws when the wanted state is not there after apply; waits for it within the task's deadline. */
  verify(world: World, target: Target, change: Change, task: TaskContext): Promise<void>
  readonly undo: Undo<World, Change>
}

export type Undo<World, Change> =
  | {
      /** Shown in the plan: how this is undone. */
      readonly how: string
      /** Must be safe to run on a change that was only half made, and twice. Verifies its own effect. */
      run(world: World, target: Target, change: Change, task: TaskContext): Promise<void>
    }
  /** Nothing is to be done: it is kept on purpose, or the undoing of another step brings it back. Which, in a sentence. */
  | { readonly notNeeded: string }
  | { readonly impossible: string }

/** What of an undo is said in plans and journals. */
export type UndoNote = { how: string } | { notNeeded: string } | { impossible: string }

export function undoNote<World, Change>(undo: Undo<World, Change>): UndoNote {
  if ('how' in undo) return { how: undo.how }
  return 'notNeeded' in undo ? { notNeeded: undo.notNeeded } : { impossible: undo.impossible }
}

/** An operation with its wanted state: what the engine sees. Made by `bind`. */
export interface BoundOperation<Facts, World> {
  readonly name: string
  readonly reads: readonly string[]
  diff(facts: Facts, target: Target): Json | null
  predict(facts: Facts, target: Target, change: Json): Facts
  fingerprint(change: Json): Json
  render(change: Json): Rendering
  apply(world: World, target: Target, change: Json, task: TaskContext): Promise<void>
  verify(world: World, target: Target, change: Json, task: TaskContext): Promise<void>
  readonly undo: Undo<World, Json>
}

/** Ties an operation to what is wanted of it; `wanted` sees the facts as they are (or are predicted) at that point. */
export function bind<Facts, World, Wanted, Change>(
  operation: Operation<Facts, World, Wanted, Change>,
  wanted: (facts: Facts, target: Target) => Wanted,
): BoundOperation<Facts, World> {
  return {
    ...(operation as unknown as BoundOperation<Facts, World>),
    diff: (facts, target) => operation.diff(facts, target, wanted(facts, target)) as unknown as Json | null,
  }
}

export type Level = 'fine' | 'warns' | 'blocks' | 'unknown'

/** What a check found. Never silently fine: what could not be told is `unknown` and says why. */
export interface Finding {
  level: Level
  title: string
  target?: Target
  detail: string
  /** What the operator can do about it. */
  fix?: string
  /** Of what could not be told: it would only have warned. Without it, it would have blocked. */
  atWorst?: 'warns'
}

/** What could not be told stands in the way as much as the worst that it may be. */
export const isInTheWay = ({ level, atWorst }: Finding): boolean =>
  level === 'blocks' || (level === 'unknown' && atWorst !== 'warns')

/** What a step interrupts. */
export interface Outage {
  what: string
  expectedMs: number
  /** Where the journal can tell how long it was. Otherwise only what was probed is known. */
  lasts?: OutageSpan
}

/** An outage from record to record of the journal. It begins with this step's intent for its `targets`th target. */
export interface OutageSpan {
  targets: number
  /** The gate whose passing ends it. */
  until: string
  /** On the way back it begins with undoing `from`, for the `targets`th target, and ends when all of `until` is undone. */
  wayBack: { from: string; until: string }
}

/** What undoes a step by itself on a target that the operator's side has lost. Said in the plan; the operation arms it. */
export interface Guard {
  targets: Target[]
  /** So long after a target last heard of the operator's side. */
  timeMs: number
  /** What it does then, in a sentence. */
  does: string
}

interface StepBase {
  /** Unique in the runbook, kebab-case: what `--to` and the journal name. */
  readonly id: string
  /** A sentence: "Stop K3s on the servers, one after the other". */
  readonly title: string
  /** Why it is done, for the one who is asked. */
  readonly why: string
}

/** Changes something. */
export interface ChangeStep<Facts, World> extends StepBase {
  readonly kind: 'change'
  readonly operation: BoundOperation<Facts, World>
  /** Resolved when planning, against the facts predicted for that point. */
  targets(facts: Facts): readonly Target[]
  readonly order: 'parallel' | 'serial'
  /** What can go wrong, in a sentence. */
  readonly risk: string
  /** Per task: apply and verify together. */
  readonly timeoutMs: number
  /** About how long one task takes where nothing is wrong, for what estimates the plan makes. Absent: seconds. */
  readonly takesMs?: number
  /** Whether the step is part of the plan at all, by the facts at the start of planning. */
  when?(initial: Facts): boolean
  /** Why it is safe to skip; absent: it cannot be skipped. */
  readonly skippable?: string
  /** What is interrupted while it runs, and for how long that is expected. */
  readonly outage?: Outage
  /** etcd members that stay up while it runs, of how many, as the plan shows it. */
  membersUp?(facts: Facts, targets: readonly Target[]): string
  /** What stands open to whom from this step on, until another says otherwise. */
  readonly exposure?: string
  /** What going back costs once this step was begun, and did not before. Named in the plan, and asked for in the run. */
  readonly pointOfNoReturn?: string
  /** Absent: nothing that it does could cut a target off. */
  guard?(facts: Facts, targets: readonly Target[]): Guard
}

/** Looks, and lets the run go on only when nothing blocks; waits for that up to `timeoutMs`. */
export interface GateStep<Facts> extends StepBase {
  readonly kind: 'gate'
  readonly reads: readonly string[]
  /** Absent: all have to answer. `answering`: who does not is in the facts, for `check` to judge. */
  readonly targets?: 'answering'
  check(facts: Facts, records: Readonly<Record<string, Facts>>): readonly Finding[]
  readonly timeoutMs: number
  /** Also judged when planning, on the facts as they are: pre-flight. */
  readonly preflight?: boolean
  when?(initial: Facts): boolean
}

/** Reads facts and keeps them in the run's folder under a name, for later gates and the report. */
export interface RecordStep<Facts> extends StepBase {
  readonly kind: 'record'
  readonly reads: readonly string[]
  readonly saveAs: string
  when?(initial: Facts): boolean
}

export type Step<Facts, World> = ChangeStep<Facts, World> | GateStep<Facts> | RecordStep<Facts>

export interface Phase<Facts, World> {
  readonly id: string
  readonly title: string
  readonly steps: readonly Step<Facts, World>[]
}

export interface Runbook<Facts, World, Params> {
  readonly name: string
  readonly description: string
  /** Validates and defaults parameters; throws InputError. */
  parseParams(input: unknown): Params
  /** True when there is nothing left to do: the plan is then empty. */
  finished(facts: Facts, params: Params): boolean
  /**
   * Targets that did not answer when these facts were read, or that will not stay as they were. Where nothing is planned for
   * them it is found out when they are read, before a step touches them. Absent: everybody answers before there is a plan.
   */
  unsettled?(facts: Facts): readonly Target[]
  phases(params: Params, facts: Facts): readonly Phase<Facts, World>[]
}

/** One change on one target, as planned. */
export interface PlannedTask {
  target: Target
  change: Json
  fingerprint: Json
  rendering: Rendering
}

export interface PlannedStep {
  phaseId: string
  phaseTitle: string
  stepId: string
  title: string
  why: string
  kind: 'change' | 'gate' | 'record'
  operation?: string
  order?: 'parallel' | 'serial'
  risk?: string
  /** How it is undone, or why it need not or cannot be. */
  undo?: UndoNote
  skippable?: string
  outage?: Outage
  membersUp?: string
  exposure?: string
  pointOfNoReturn?: string
  guard?: Guard
  timeoutMs?: number
  /** Of all its tasks, where nothing is wrong. */
  takesMs?: number
  /** Change steps: every target that was looked at, in order; those without a task are already as wanted. */
  targets?: Target[]
  /** Those of them that were not settled (Runbook.unsettled) and have no task: what they need is found out before the step. */
  unread?: Target[]
  /** Empty for gates and records, and for changes that are already so. */
  tasks: PlannedTask[]
}

/** A plan file. What is run is the plan. */
export interface Plan {
  format: 1
  id: string
  createdAt: string
  toolVersion: string
  cluster: string
  runbook: string
  params: Json
  inventoryDigest: string
  factsDigest: string
  /** Digest over step ids, targets and fingerprints: equal for two plans that would do the same. */
  changesDigest: string
  findings: Finding[]
  steps: PlannedStep[]
}

/** Whose facts are read. `answering`: of all; who does not answer is noted in the facts instead of being an error. */
export type Asked = readonly Target[] | 'all' | 'answering'

/** Reads facts. `previous` is returned with the named families of the named targets replaced. */
export interface FactsReader<Facts> {
  read(families: readonly string[], targets: Asked, previous: Facts | null): Promise<Facts>
  /** Why some of these families are not known although they were read, or null: what did not answer is not "nothing there". */
  unanswered(facts: Facts, families: readonly string[]): string | null
}

export interface Clock {
  nowMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
