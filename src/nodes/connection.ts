import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { FailedError } from '../errors.ts'
import { UnreachableError } from './errors.ts'
import { Limiter } from './limiter.ts'

/** OpenSSH allows ten, but frees a session's place only after we saw it close: above four it refuses some (measured). */
const sessionsAtOnce = 4
const refusedRetryMs = 50
const forwardTimeoutMs = 10_000

/** A command line's end, as bytes. Kinds as in Outcome; `neverSent` tells which unknowns certainly did not run. */
export interface RawOutcome {
  kind: 'exited' | 'signalled' | 'unknown'
  code?: number
  signal?: string
  reason?: string
  neverSent?: boolean
  stdout: Buffer
  stderr: Buffer
}

export interface ExecLimits {
  /** When it must be over (performance.now()). */
  deadline: number
  maxOutputBytes: number
}

/**
 * One authenticated connection. It never throws out of the event loop: ssh2 reports a reset of an idle connection as an
 * `error` event, which would end the process (node-ssh#421), so a listener stays for good.
 */
export class Connection {
  readonly label: string
  private readonly client: Client
  private readonly sessions = new Limiter(sessionsAtOnce)
  private reason: string | null = null
  private readonly onLost = new Set<(reason: string) => void>()

  /** `client` must be ready. */
  constructor(label: string, client: Client) {
    this.label = label
    this.client = client
    client.on('error', (error: Error) => this.lose(`the connection was lost: ${error.message}`))
    client.on('end', () => this.lose('the connection was closed by the other side'))
    client.on('close', () => this.lose('the connection was closed'))
  }

  private lose(reason: string): void {
    if (this.reason !== null) return
    this.reason = reason
    for (const tell of this.onLost) tell(reason)
    this.onLost.clear()
    this.client.destroy()
  }

  /** Why there is no connection any more; null while there is one. */
  get lost(): string | null {
    return this.reason
  }

  close(): void {
    this.lose('we closed the connection')
  }

  /** Runs one shell line. Output beyond the limit ends it with an error. */
  async exec(line: string, stdin: Uint8Array | undefined, limits: ExecLimits): Promise<RawOutcome> {
    const giveBack = await this.sessions.take(left(limits))
    if (!giveBack) return neverSent('the deadline passed while other commands held all sessions')
    try {
      const opened = await this.open(line, limits)
      if ('kind' in opened) {
        giveBack()
        return opened
      }
      // The place is free when the session is closed, however late: a command that hangs keeps it.
      opened.closed.then(giveBack, giveBack)
      opened.channel.end(stdin)
      return await opened.outcome
    } catch (error) {
      giveBack()
      throw error
    }
  }

  /** Opens a session and starts the command in it; tries again while the server has no session left to give. */
  private async open(line: string, limits: ExecLimits): Promise<RawOutcome | Session> {
    for (;;) {
      if (this.reason !== null) return neverSent(this.reason)
      const result = await this.openOnce(line, limits)
      if (!('refused' in result)) return result
      if (left(limits) <= refusedRetryMs) return neverSent(`the server gave no session: ${result.refused}`)
      await new Promise((resolve) => setTimeout(resolve, refusedRetryMs))
    }
  }

  private openOnce(line: string, limits: ExecLimits): Promise<RawOutcome | Session | { refused: string }> {
    return new Promise((resolve) => {
      let late = false
      const answer = (result: RawOutcome | Session | { refused: string }) => {
        clearTimeout(timer)
        this.onLost.delete(lost)
        if (!late) resolve(result)
        else if ('channel' in result) {
          result.channel.close()
          result.outcome.catch(() => {})
        }
        late = true
      }
      const timer = setTimeout(
        () => answer(unknown('the deadline passed before the server had opened a session')),
        left(limits),
      )
      const lost = (reason: string) => answer(unknown(reason))
      this.onLost.add(lost)
      try {
        this.client.exec(line, (error, channel) => {
          if (!error) return answer(this.watch(channel, limits))
          // With a `reason` the session was refused before the command was sent; without, the command itself may be refused.
          if ('reason' in error) return answer({ refused: error.message })
          if (this.reason !== null) return answer(unknown(this.reason))
          answer(unknown(`the server did not accept the command: ${error.message}`))
        })
      } catch (error) {
        // ssh2 throws only when there is no connection any more.
        this.lose(error instanceof Error ? error.message : String(error))
        answer(neverSent(this.reason ?? ''))
      }
    })
  }

  /** Must be called as soon as there is a session: its end may come in the same packet, and is told only once. */
  private watch(channel: ClientChannel, limits: ExecLimits): Session {
    const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()))
    return { channel, closed, outcome: this.outcomeOf(channel, limits) }
  }

  private outcomeOf(channel: ClientChannel, limits: ExecLimits): Promise<RawOutcome> {
    return new Promise((resolve, reject) => {
      const stdout = new Collector(limits.maxOutputBytes)
      const stderr = new Collector(limits.maxOutputBytes)
      let exit: { code: number | null; signal?: string } | undefined
      let over = false
      const end = (outcome: Omit<RawOutcome, 'stdout' | 'stderr'> | FailedError) => {
        if (over) return
        over = true
        clearTimeout(timer)
        this.onLost.delete(lost)
        if (outcome instanceof Error) reject(outcome)
        else resolve({ ...outcome, stdout: stdout.bytes(), stderr: stderr.bytes() })
      }
      const lost = (reason: string) => end({ kind: 'unknown', reason })
      const timer = setTimeout(() => {
        end({ kind: 'unknown', reason: 'the deadline passed' })
        channel.close()
      }, left(limits))
      this.onLost.add(lost)
      const collect = (collector: Collector, name: string) => (chunk: Buffer) => {
        if (over || collector.add(chunk)) return
        end(new FailedError(`more than ${limits.maxOutputBytes} bytes on ${name}: the command was given up`))
        channel.close()
      }
      channel.on('data', collect(stdout, 'stdout'))
      channel.stderr.on('data', collect(stderr, 'stderr'))
      channel.on('exit', (code: number | null, signal?: string) => {
        exit = { code, ...(signal === undefined ? {} : { signal }) }
      })
      channel.on('error', (error: Error) => end({ kind: 'unknown', reason: error.message }))
      channel.on('close', () => {
        // node-ssh resolves here with code null as if nothing were wrong; without an exit status nothing is known.
        if (exit && typeof exit.code === 'number') end({ kind: 'exited', code: exit.code })
        else if (exit?.signal !== undefined) end({ kind: 'signalled', signal: exit.signal })
        else end({ kind: 'unknown', reason: this.reason ?? 'the session was closed without an exit status' })
      })
    })
  }

  /** A stream to an address as seen from the other side. */
  forward(host: string, port: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      let late = false
      const fail = (message: string) => {
        if (late) return
        late = true
        clearTimeout(timer)
        this.onLost.delete(fail)
        reject(new UnreachableError(`${this.label}: no connection from there to ${host}:${port}: ${message}`))
      }
      const timer = setTimeout(() => fail(`no answer in ${forwardTimeoutMs / 1000} s`), forwardTimeoutMs)
      if (this.reason !== null) return fail(this.reason)
      this.onLost.add(fail)
      try {
        this.client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
          if (error) return fail(error.message.replace('(SSH) Channel open failure: ', ''))
          if (late) return channel.destroy()
          late = true
          clearTimeout(timer)
          this.onLost.delete(fail)
          resolve(channel)
        })
      } catch (error) {
        this.lose(error instanceof Error ? error.message : String(error))
        fail(this.reason ?? '')
      }
    })
  }
}

interface Session {
  channel: ClientChannel
  closed: Promise<void>
  outcome: Promise<RawOutcome>
}

/** Keeps chunks as bytes: decoding each on its own would break characters at the borders. */
class Collector {
  private readonly chunks: Buffer[] = []
  private size = 0
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  add(chunk: Buffer): boolean {
    this.size += chunk.length
    if (this.size > this.limit) return false
    this.chunks.push(chunk)
    return true
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

const nothing = Buffer.alloc(0)
const unknown = (reason: string): RawOutcome => ({ kind: 'unknown', reason, stdout: nothing, stderr: nothing })
const neverSent = (reason: string): RawOutcome => ({ ...unknown(`${reason} (nothing was sent)`), neverSent: true })
const left = (limits: ExecLimits) => Math.max(0, limits.deadline - performance.now())
