import { useFaultHook } from '../engine/fault-point.ts'
import { applyFault } from './apply-fault.ts'
import { powerOff, schedule, votingMembers } from './cluster/evolve.ts'
import {
  type Answer,
  type ApiRequest,
  type ClusterState,
  type CommandFate,
  isReached,
  type RequestFate,
  type SentCommand,
} from './cluster/state.ts'
import { nextEvent } from './cluster/step.ts'
import type { Fault } from './faults.ts'
import { foreignChanged } from './foreign.ts'
import { type Disk, emptyDisk } from './operator/disk.ts'
import { currentProcess, OperatorProcess } from './operator/process.ts'
import { between } from './random.ts'
import type { TraceEntry } from './trace.ts'

/** So much simulated time one piece of work may take; after that it is said never to end. */
const longestMs = 6 * 3_600_000

/** A cluster, an operator's disk, and the processes that come and go. Copied with `fork`, to try several ways on. */
export class Simulation {
  state: ClusterState
  disk: Disk
  trace: TraceEntry[] = []
  /** As it was before anything was done. */
  readonly origin: ClusterState
  faults: Fault[] = []
  instants = 0
  readonly wrongKeys = new Set<string>()
  /** What befalls the next command and the next request. */
  nextCommand: CommandFate['kind'] | null = null
  nextRequest: RequestFate | null = null
  cutShare = 0
  onSecondOperator: () => void = () => undefined
  #processes = 0
  readonly #waiting = new Map<number, (answer: Answer) => void>()

  constructor(state: ClusterState, origin: ClusterState = structuredClone(state), disk: Disk = emptyDisk()) {
    this.state = state
    this.origin = origin
    this.disk = disk
  }

  /** The same moment once more, without its processes. */
  fork(): Simulation {
    const copy = new Simulation(structuredClone(this.state), this.origin, structuredClone(this.disk))
    copy.trace = [...this.trace]
    copy.instants = this.instants
    copy.faults = this.faults
    copy.#processes = this.#processes
    return copy
  }

  /** A process of an operator's side, from its beginning to its end or death. @returns 'killed', or what the work came to */
  async process<T>(operator: string, work: (process: OperatorProcess) => Promise<T>): Promise<T | 'killed'> {
    this.#processes += 1
    const process = new OperatorProcess(this, this.#processes, operator)
    this.trace.push({ kind: 'process', process: process.id, operator, event: 'begins', how: '' })
    const tell = (event: 'killed' | 'ended', how: string) =>
      this.trace.push({ kind: 'process', process: process.id, operator, event, how })
    try {
      const working = currentProcess.run(process, () => work(process))
      working.catch(() => undefined)
      const end = await Promise.race([working, process.death])
      tell(end === 'killed' ? 'killed' : 'ended', String(end))
      return end
    } catch (error) {
      tell('ended', error instanceof Error ? `${error.name}: ${error.message}` : String(error))
      throw error
    } finally {
      process.dead = true
    }
  }

  /** Lets the world go on until the work is done. Time passes only when nothing else can happen. */
  async drive<T>(work: () => Promise<T>): Promise<T> {
    using _hook = useFaultHook(() => currentProcess.getStore()?.instant())
    const endMs = this.state.nowMs + longestMs
    let isOver = false
    const working = work().finally(() => {
      isOver = true
    })
    working.catch(() => undefined)
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (isOver) return await working
      this.#next()
      if (this.state.nowMs > endMs) throw new Error('the simulated run does not end')
    }
  }

  /** Lets the world alone for a while: the operator has gone to see, and comes back. */
  async idle(ms: number): Promise<void> {
    await this.drive(() => new Promise<void>((resolve) => this.wakeAfter(ms, resolve)))
  }

  /** All that happens at the next moment at which anything does. */
  #next(): void {
    let first: number | null = null
    for (;;) {
      const event = this.state.events[0]
      if (event === undefined) {
        if (first === null) throw new Error('the simulation stands still: nothing will ever happen')
        return
      }
      if (first !== null && event.atMs > first) return
      // What nobody waits for any more moves no time.
      if (event.kind === 'reply' && !this.#waiting.has(event.reply)) {
        this.state.events.shift()
        continue
      }
      first ??= event.atMs
      this.#step(event)
    }
  }

  #step(event: ClusterState['events'][number]): void {
    const isWrite = event.kind === 'command' && event.command.mode === 'write'
    const voting = () => votingMembers(this.state).map(({ name }) => name)
    const before = isWrite ? voting() : []
    const result = nextEvent(this.state)
    if (isWrite) {
      const node = this.state.nodes[event.node]
      const foreign = node?.powered ? foreignChanged(this.origin, node) : null
      const what = event.command.argv.join(' ').slice(0, 80)
      this.trace.push({ kind: 'wrote', node: event.node, what, foreign, voting: { before, after: voting() } })
    }
    if (result === null || result === 'world') return
    const waiting = this.#waiting.get(result.reply)
    this.#waiting.delete(result.reply)
    waiting?.(result.answer)
  }

  /** What goes wrong does so for the first operator: whoever comes besides has no trouble of their own. */
  instantOf(process: OperatorProcess): void {
    if (process.operator !== 'alice') return
    this.instants += 1
    for (const fault of this.faults) if (fault.at === this.instants) applyFault(this, process, fault)
  }

  expectReply(send: (reply: number) => void, receive: (answer: Answer) => void): void {
    this.state.lastId += 1
    const reply = this.state.lastId
    this.#waiting.set(reply, receive)
    send(reply)
  }

  /** @returns what takes it back */
  wakeAfter(ms: number, wake: () => void): () => void {
    let reply = 0
    this.expectReply(
      (own) => {
        reply = own
        schedule(this.state, { kind: 'reply', reply, answer: { kind: 'awake' }, atMs: this.state.nowMs + ms })
      },
      () => wake(),
    )
    return () => this.#waiting.delete(reply)
  }

  sent(process: OperatorProcess, to: string, what: string, mode: 'read' | 'write', words: readonly string[]): void {
    const [line = ''] = what.split('\n')
    this.trace.push({
      kind: 'sent',
      process: process.id,
      to,
      what: line.slice(0, 160),
      mode,
      words: mode === 'write' ? words : [],
    })
  }

  sendCommand(node: string, command: SentCommand, reply: number): void {
    const fate = this.#fateOf(command)
    const atMs = this.state.nowMs + between(this.state, 1, 3)
    const one = this.state.nodes[node]
    if (one && isReached(one)) schedule(this.state, { kind: 'command', node, command, reply, fate, atMs })
    else {
      const answer: Answer = { kind: 'unreachable', reason: 'connect: no route to host' }
      schedule(this.state, { kind: 'reply', reply, answer, atMs: atMs + 3_000 })
    }
  }

  sendRequest(request: ApiRequest, reply: number): void {
    const fate = this.nextRequest ?? 'arrives'
    this.nextRequest = null
    schedule(this.state, { kind: 'request', request, reply, fate, atMs: this.state.nowMs + 1 })
  }

  #fateOf(command: SentCommand): CommandFate {
    const kind = this.nextCommand ?? 'arrives'
    this.nextCommand = null
    if (kind !== 'cut') return { kind }
    return { kind, bytes: Math.floor(Buffer.byteLength(command.stdin) * this.cutShare) }
  }

  powerOff(node: string, forMs: number): void {
    const one = this.state.nodes[node]
    if (one) powerOff(this.state, one, forMs)
  }
}
