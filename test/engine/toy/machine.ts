import type { EngineEvent } from '../../../src/engine/events.ts'
import { execute, type RunEnd } from '../../../src/engine/execute.ts'
import { type FaultHook, useFaultHook } from '../../../src/engine/fault-point.ts'
import { foldState } from '../../../src/engine/fold.ts'
import { readJournal } from '../../../src/engine/journal.ts'
import type { LockOwner, LockPlace } from '../../../src/engine/lock.ts'
import { MemoryJournal, MemoryRecords } from '../../../src/engine/memory-store.ts'
import type { Plan, Runbook, Target } from '../../../src/engine/model.ts'
import type { Moved, Operator, StepAnswer } from '../../../src/engine/operator.ts'
import { plan } from '../../../src/engine/planner.ts'
import type { JournalEntry } from '../../../src/engine/records.ts'
import { resume } from '../../../src/engine/resume.ts'
import { rollback } from '../../../src/engine/rollback.ts'
import type { RunContext } from '../../../src/engine/run-context.ts'
import type { RunState } from '../../../src/engine/state.ts'
import { ToyClock } from './clock.ts'
import { toyRunbook } from './runbook.ts'
import { type ToyFacts, ToyWorld, toyReader } from './world.ts'

export class Killed extends Error {}

export class MemoryLock implements LockPlace {
  readonly name: string
  holder: LockOwner | null = null
  constructor(name: string) {
    this.name = name
  }
  async acquire(owner: LockOwner): Promise<'taken' | LockOwner> {
    if (this.holder !== null) return this.holder
    this.holder = owner
    return 'taken'
  }
  async release(nonce: string): Promise<void> {
    if (this.holder?.nonce === nonce) this.holder = null
  }
  async inspect(): Promise<LockOwner | null> {
    return this.holder
  }
}

export class ToyOperator implements Operator {
  answers = new Map<string, StepAnswer>()
  driftAnswer: 'accept' | 'stop' = 'stop'
  readonly asked: string[] = []
  readonly drifts: { target: Target; moved: readonly Moved[] }[] = []
  async confirm(step: { stepId: string }): Promise<StepAnswer> {
    this.asked.push(step.stepId)
    return this.answers.get(step.stepId) ?? 'go'
  }
  async drift(_step: unknown, target: Target, moved: readonly Moved[]): Promise<'accept' | 'stop'> {
    this.drifts.push({ target, moved })
    return this.driftAnswer
  }
}

/** A cluster with what an operator's machine has on disk. Processes on it come and go; only these things stay. */
export class ToyMachine {
  readonly world = new ToyWorld()
  readonly journal = new MemoryJournal()
  readonly records = new MemoryRecords()
  readonly clock = new ToyClock()
  readonly operator = new ToyOperator()
  readonly locks = [new MemoryLock('local'), new MemoryLock('node a')]
  readonly events: EngineEvent[] = []
  readonly runbook: Runbook<ToyFacts, ToyWorld, unknown>
  readonly initial: ToyFacts
  readonly plan: Plan
  stop = new AbortController()
  abort = new AbortController()
  #processes = 0

  constructor(runbook = toyRunbook()) {
    this.runbook = runbook
    this.initial = this.world.snapshot()
    this.plan = this.planNow()
  }

  planNow(): Plan {
    const meta = {
      id: 'p',
      createdAt: '2026-01-01T00:00:00.000Z',
      toolVersion: '0',
      cluster: 'toy',
      inventoryDigest: '',
    }
    return plan(this.runbook, {}, this.world.snapshot(), meta)
  }

  owner(runId = 'r', breakNonce?: string): RunContext<ToyFacts, ToyWorld>['locks'] {
    this.#processes += 1
    const who = { nonce: `n${this.#processes}`, runId, cluster: 'toy', user: 'alice', host: 'laptop', bootId: 'boot' }
    return {
      places: this.locks,
      owner: { ...who, pid: this.#processes, since: '2026-01-01T00:00:00Z' },
      overRuns: new Set(),
      mayBeAlive: (other) => other.host !== 'laptop',
      ...(breakNonce === undefined ? {} : { breakNonce }),
    }
  }

  context(more: Partial<RunContext<ToyFacts, ToyWorld>> = {}): RunContext<ToyFacts, ToyWorld> {
    return {
      runId: 'r',
      plan: this.plan,
      initialFacts: this.initial,
      runbook: this.runbook,
      journal: this.journal,
      records: this.records,
      reader: toyReader(this.world),
      world: this.world,
      operator: this.operator,
      clock: this.clock,
      interrupts: { stop: this.stop.signal, abort: this.abort.signal },
      locks: this.owner(),
      emit: (event) => this.events.push(event),
      ...more,
    }
  }

  run(more: Partial<RunContext<ToyFacts, ToyWorld>> = {}): Promise<RunEnd> {
    return execute(this.context(more))
  }

  resume(more: Partial<RunContext<ToyFacts, ToyWorld>> = {}): Promise<RunEnd> {
    this.stop = new AbortController()
    this.abort = new AbortController()
    return resume(this.context(more))
  }

  rollback(to: string | null = null, more: Partial<RunContext<ToyFacts, ToyWorld>> = {}): Promise<void> {
    this.stop = new AbortController()
    this.abort = new AbortController()
    return rollback(this.context(more), to)
  }

  entries(): Promise<readonly JournalEntry[]> {
    return readJournal(this.journal)
  }

  async state(): Promise<RunState> {
    return foldState(await this.entries())
  }

  /**
   * Calls `work` as a process that is killed when it comes to a fault point for which `dies` says so: from then on it can
   * neither write nor reach anything. Returns true when it was killed.
   */
  async process(
    dies: FaultHook,
    work: (context: RunContext<ToyFacts, ToyWorld>) => Promise<unknown>,
  ): Promise<boolean> {
    let dead = false
    const live = (): void => {
      if (dead) throw new Killed()
    }
    const guard = <T extends object>(inner: T): T =>
      new Proxy(inner, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target)
          if (typeof value !== 'function') return value
          return (...args: unknown[]) => {
            live()
            return value.apply(target, args)
          }
        },
      })
    using _hook = useFaultHook((name) => {
      live()
      try {
        dies(name)
      } catch (error) {
        dead = true
        throw error
      }
    })
    const context = this.context()
    const onWrite = this.world.onWrite
    this.world.onWrite = (target, key, value) => {
      live()
      return onWrite(target, key, value)
    }
    try {
      await work({
        ...context,
        journal: guard(this.journal),
        records: guard(this.records),
        reader: guard(context.reader),
        locks: { ...context.locks, places: this.locks.map((place) => guard<LockPlace>(place)) },
      })
    } catch (error) {
      if (!dead) throw error
    } finally {
      this.world.onWrite = onWrite
    }
    return dead
  }
}

/** A hook that kills at the n-th fault point (from 1), and counts them all. */
export function dieAt(n: number): { hook: FaultHook; seen: string[] } {
  const seen: string[] = []
  return {
    seen,
    hook: (name) => {
      seen.push(name)
      if (seen.length === n) throw new Killed(name)
    },
  }
}
