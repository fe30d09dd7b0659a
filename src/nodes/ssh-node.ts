import type { Duplex } from 'node:stream'
import { FailedError } from '../errors.ts'
import type { Connection, RawOutcome } from './connection.ts'
import type { Connector } from './connector.ts'
import type { Endpoint } from './endpoint.ts'
import { HostKeyError, UnreachableError } from './errors.ts'
import type { Command, Node, Outcome } from './node.ts'
import { type Elevation, shellLine, unwrap } from './shell-line.ts'
import type { SudoPasswords } from './sudo.ts'
import { textOf } from './text.ts'

const defaultMaxOutputBytes = 32 * 1024 * 1024
const probeTimeoutMs = 15_000

/** Connections and passwords that the nodes of a run share. */
export interface SshShared {
  connector: Connector
  passwords: SudoPasswords
}

/** A node over SSH. Connects when it is first used, and again on the next command after the connection was lost. */
export class SshNode implements Node {
  readonly name: string
  private readonly resolve: () => Promise<Endpoint>
  private readonly shared: SshShared
  private connecting: Promise<Connection> | null = null
  private elevation: Promise<Elevation> | null = null
  private refused: HostKeyError | null = null
  private closed = false
  private user = ''

  /** `resolve` is called for every new connection: the configuration and known_hosts may have been mended meanwhile. */
  constructor(name: string, resolve: () => Promise<Endpoint>, shared: SshShared) {
    this.name = name
    this.resolve = resolve
    this.shared = shared
  }

  /**
   * Never runs a command twice: when the connection is lost the outcome is `unknown`, and what happened is to be looked at.
   * @throws UnreachableError, HostKeyError when there is no connection: nothing was sent
   */
  async run(command: Command): Promise<Outcome> {
    const connection = await this.connection()
    const elevation = await this.elevationOn(connection)
    // From here, not from before: the operator may have been asked for a password meanwhile.
    const start = performance.now()
    const deadline = start + command.timeoutMs
    const { line, stdin, mark } = shellLine(command.argv, command.stdin, elevation)
    const raw = await connection
      .exec(line, stdin, { deadline, maxOutputBytes: command.maxOutputBytes ?? defaultMaxOutputBytes })
      .catch((error: unknown) => {
        if (error instanceof FailedError) throw new FailedError(`${this.name}: ${error.message}`, { host: this.name })
        throw error
      })
    const { started, stdout, stderr } = unwrap(raw, mark)
    if (!started && raw.kind === 'exited') throw this.didNotStart(raw)
    return toOutcome(raw, stdout, stderr, Math.round(performance.now() - start))
  }

  async connect(host: string, port: number): Promise<Duplex> {
    const connection = await this.connection()
    return connection.forward(host, port)
  }

  async reconnect(): Promise<void> {
    this.drop()
    await this.connection()
  }

  close(): void {
    this.closed = true
    this.drop()
  }

  private drop(): void {
    this.connecting?.then(
      (connection) => connection.close(),
      () => {},
    )
    this.connecting = null
  }

  private async connection(): Promise<Connection> {
    if (this.refused) throw this.refused
    if (this.closed) throw new UnreachableError(`${this.name}: the connection was closed at the end of the run`)
    const current = this.connecting
    if (current !== null) {
      const connection = await current.catch(() => null)
      if (connection && connection.lost === null) return connection
      if (this.connecting === current) this.connecting = null
    }
    this.connecting ??= this.open()
    return this.connecting
  }

  private async open(): Promise<Connection> {
    try {
      const endpoint = await this.resolve()
      this.user = endpoint.user
      return await this.shared.connector.open(endpoint)
    } catch (error) {
      // P10: a host that showed a wrong key is not spoken to again in this run.
      if (error instanceof HostKeyError) this.refused = error
      throw error
    }
  }

  private elevationOn(connection: Connection): Promise<Elevation> {
    if (this.elevation !== null) return this.elevation
    const probing = this.probe(connection)
    this.elevation = probing
    probing.catch(() => {
      if (this.elevation === probing) this.elevation = null
    })
    return probing
  }

  private async probe(connection: Connection): Promise<Elevation> {
    const user = this.user
    if (user === 'root') return { kind: 'none' }
    const without = await this.attempt(connection, { kind: 'sudo' })
    if (without.started) return { kind: 'sudo' }
    if (!/password|terminal|askpass/i.test(without.said))
      throw new FailedError(`${this.name}: ${user} cannot become root: ${without.said || 'sudo said nothing'}`, {
        host: this.name,
        next: `on the node, let ${user} use sudo, or log in as root (ssh.user in the inventory)`,
      })
    const check = async (password: string) => (await this.attempt(connection, { kind: 'password', password })).started
    return { kind: 'password', password: await this.shared.passwords.obtain(user, this.name, check) }
  }

  /** Whether `true` runs as root this way. Nothing but the password stands on stdin: a wrong one costs one attempt, not three. */
  private async attempt(connection: Connection, elevation: Elevation): Promise<{ started: boolean; said: string }> {
    const { line, stdin, mark } = shellLine(['true'], undefined, elevation)
    const limits = { deadline: performance.now() + probeTimeoutMs, maxOutputBytes: 1024 * 1024 }
    const alone = elevation.kind === 'password' ? Buffer.from(`${elevation.password}\n`) : stdin
    const raw = await connection.exec(line, alone, limits)
    if (raw.kind === 'unknown')
      throw new UnreachableError(`${this.name}: could not find out how to become root: ${raw.reason}`, {
        host: this.name,
      })
    return { started: unwrap(raw, mark).started, said: raw.stderr.toString('utf8').trim().slice(-500) }
  }

  private didNotStart(raw: RawOutcome): FailedError {
    // Rights may have changed since; the next command finds out anew.
    this.elevation = null
    const said = Buffer.concat([raw.stderr, raw.stdout]).toString('utf8').trim().slice(-500)
    return new FailedError(
      `${this.name}: the login shell or sudo refused the command, it did not run: ${said || `exit ${raw.code}`}`,
      {
        host: this.name,
      },
    )
  }
}

function toOutcome(raw: RawOutcome, out: Buffer, err: Buffer, durationMs: number): Outcome {
  // Decoded once and whole.
  const texts = { stdout: textOf(out), stderr: textOf(err), durationMs }
  if (raw.kind === 'exited') return { kind: 'exited', code: raw.code ?? -1, ...texts }
  if (raw.kind === 'signalled') return { kind: 'signalled', signal: raw.signal ?? '', ...texts }
  return { kind: 'unknown', reason: raw.reason ?? '', ...texts }
}
