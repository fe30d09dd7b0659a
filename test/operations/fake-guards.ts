import type { TaskContext } from '../../src/engine/model.ts'
import { CommandFailed, UnreachableError } from '../../src/nodes/errors.ts'
import { GuardFired, type GuardState } from '../../src/nodes/guard.ts'
import type { NetworkGuards } from '../../src/operations/network-guards.ts'
import { ToyClock } from '../engine/toy/clock.ts'

const receipt = { whole: true, done: ['set eth0 up', "hold Cilium's agent down"], failed: [] }

/** Guards as nodes keep them: they fire when their time is over, and then the node can be reached again. */
export class FakeGuards implements NetworkGuards {
  readonly clock = new ToyClock()
  /** Everything that was asked of a node that could be reached, in order. */
  readonly calls: string[] = []
  /** Nodes that nobody reaches until their guard fires. */
  readonly cut = new Set<string>()
  /** How long it takes until somebody who tries such a node knows. */
  hangMs = 15_000
  /** How long any call takes. */
  slowMs = 0
  readonly held = new Set<string>()
  readonly armed = new Map<string, { dueMs: number; afterMs: number; agent: boolean }>()
  readonly receipts = new Map<string, Extract<GuardState, { kind: 'fired' }>>()

  async #reach(call: string, node: string): Promise<void> {
    if (this.slowMs > 0) await this.clock.sleep(this.slowMs)
    this.pass()
    if (this.cut.has(node)) {
      await this.clock.sleep(this.hangMs)
      throw new UnreachableError(`${node}: no answer`)
    }
    this.calls.push(`${call} ${node}`)
  }

  /** Lets those fire whose time has come. */
  pass(): void {
    for (const [node, { dueMs, agent }] of this.armed) {
      if (this.clock.nowMs() < dueMs) continue
      this.armed.delete(node)
      this.cut.delete(node)
      if (agent) this.held.add(node)
      this.receipts.set(node, { kind: 'fired', atMs: dueMs, ...receipt })
    }
  }

  #refuseFired(node: string): void {
    if (this.receipts.has(node)) throw new GuardFired(`${node}: its guard has fired`)
  }

  async arm(node: string, _run: string, { agent }: { agent: boolean }, afterMs: number): Promise<'armed' | 'renewed'> {
    await this.#reach('arm', node)
    this.#refuseFired(node)
    const was = this.armed.has(node)
    this.armed.set(node, { dueMs: this.clock.nowMs() + afterMs, afterMs, agent })
    return was ? 'renewed' : 'armed'
  }

  async renew(node: string): Promise<void> {
    await this.#reach('renew', node)
    this.#refuseFired(node)
    const one = this.armed.get(node)
    if (one === undefined) throw new CommandFailed(`${node}: none is armed`, 1, '', {})
    one.dueMs = this.clock.nowMs() + one.afterMs
  }

  async disarm(node: string): Promise<void> {
    await this.#reach('disarm', node)
    this.#refuseFired(node)
    this.armed.delete(node)
  }

  async look(node: string): Promise<GuardState> {
    await this.#reach('look', node)
    return this.receipts.get(node) ?? { kind: this.armed.has(node) ? 'armed' : 'none' }
  }

  async forget(node: string): Promise<void> {
    await this.#reach('forget', node)
    this.receipts.delete(node)
  }

  async release(node: string): Promise<void> {
    await this.#reach('release', node)
    this.held.delete(node)
  }

  /** What was asked besides looking and renewing. */
  acts(): string[] {
    return this.calls.filter((call) => !/^(look|renew) /.test(call))
  }
}

/** A task that keeps what it was told to note, each key once, as the engine does. */
export function noting(notes: Map<string, string>, signal = new AbortController().signal): TaskContext {
  return {
    runId: 'r',
    taskId: 't',
    signal,
    remainingMs: () => 600_000,
    say: () => {},
    note: async (key, message) => {
      if (!notes.has(key)) notes.set(key, message)
    },
  }
}
