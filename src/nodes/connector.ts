import type { Duplex } from 'node:stream'
import type { Config } from 'node-ssh'
import { NodeSSH } from 'node-ssh'
import type { AuthHandlerMiddleware, KexAlgorithm, ServerHostKeyAlgorithm } from 'ssh2'
import { MigrateError } from '../errors.ts'
import { Connection } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import type { HostKeyError } from './errors.ts'
import { UnreachableError } from './errors.ts'
import { hostKeyProblem, readExpectedKeys } from './host-key.ts'
import { type KeyRing, offersFor } from './identities.ts'
import { hostKeyAlgorithms } from './known-hosts.ts'
import { Limiter } from './limiter.ts'

/** sshd's MaxStartups begins to drop connections at ten that are not yet logged in; a jump host sees them all. */
const handshakesAtOnce = 8
/** Time for the handshake itself; while the operator types a passphrase it does not run. */
const handshakeMs = 10_000
const keepaliveMs = 10_000
const keepalivesUnanswered = 3

/** No group exchange: it blocks the event loop for up to 20 s with old servers (ssh2#927). No SHA-1. */
const keyExchanges: KexAlgorithm[] = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
]

/** The server hung up before it said anything: sshd's random early drop does, when many connect at once. */
class DroppedEarly extends UnreachableError {}

/** Opens connections, through jump hosts where there are any. Jump hosts are shared by all nodes behind them. */
export class Connector {
  private readonly keys: KeyRing
  private readonly handshakes = new Limiter(handshakesAtOnce)
  private readonly jumpHosts = new Map<string, Promise<Connection>>()

  constructor(keys: KeyRing) {
    this.keys = keys
  }

  /**
   * @throws HostKeyError before anything but the key exchange was said
   * @throws UnreachableError when nobody answers, or every key is refused
   */
  async open(endpoint: Endpoint): Promise<Connection> {
    for (let attempt = 1; ; attempt++) {
      try {
        const via = await this.through(endpoint.jumps)
        return await this.openOnce(endpoint, via)
      } catch (error) {
        if (!(error instanceof DroppedEarly) || attempt === 4) throw error
        await new Promise((resolve) => setTimeout(resolve, attempt * (100 + Math.random() * 300)))
      }
    }
  }

  close(): void {
    for (const opening of this.jumpHosts.values())
      opening.then(
        (connection) => connection.close(),
        () => {},
      )
    this.jumpHosts.clear()
  }

  private async through(jumps: readonly Endpoint[]): Promise<Connection | null> {
    const last = jumps.at(-1)
    if (!last) return null
    const id = jumps.map((jump) => `${jump.user}@${jump.host}:${jump.port}`).join(',')
    const known = this.jumpHosts.get(id)
    if (
      known &&
      (await known.then(
        (connection) => connection.lost === null,
        () => false,
      ))
    )
      return known
    // Somebody else may have reopened it while we looked.
    const current = this.jumpHosts.get(id)
    if (current && current !== known) return current
    const opening = this.open({ ...last, jumps: jumps.slice(0, -1) })
    this.jumpHosts.set(id, opening)
    return opening
  }

  private async openOnce(endpoint: Endpoint, via: Connection | null): Promise<Connection> {
    const giveBack = await this.handshakes.take(120_000)
    if (!giveBack) throw new UnreachableError(`${endpoint.label}: too many connections are being opened at once`)
    try {
      const sock = via ? await via.forward(endpoint.host, endpoint.port) : undefined
      return await handshake(endpoint, this.keys, sock)
    } finally {
      giveBack()
    }
  }
}

async function handshake(endpoint: Endpoint, keys: KeyRing, sock: Duplex | undefined): Promise<Connection> {
  const expected = readExpectedKeys(endpoint)
  const offers = await offersFor(endpoint, keys)
  const where = `${endpoint.user}@${endpoint.host}:${endpoint.port}`
  const offered: string[] = []
  let hostKeyError: HostKeyError | null = null
  let keyError: unknown
  let connected = false

  const timer = stopwatch(handshakeMs, () => ssh.connection?.destroy())
  const authHandler: AuthHandlerMiddleware = (_left, _partial, next) => {
    const nextOffer = async () => {
      for (let offer = offers.shift(); offer; offer = offers.shift()) {
        timer.pause()
        const method = await offer.method().finally(timer.resume)
        if (!method) continue
        offered.push(offer.what)
        return next(method)
      }
      next(false as never)
    }
    nextOffer().catch((error: unknown) => {
      keyError = error
      next(false as never)
    })
  }

  const config: Config = {
    host: endpoint.host,
    port: endpoint.port,
    username: endpoint.user,
    ...(sock ? { sock: sock as NonNullable<Config['sock']> } : {}),
    algorithms: {
      kex: keyExchanges,
      serverHostKey: hostKeyAlgorithms(expected) as ServerHostKeyAlgorithm[],
    },
    hostVerifier: (key: Buffer) => {
      hostKeyError = hostKeyProblem(endpoint, expected, key)
      return hostKeyError === null
    },
    authHandler,
    readyTimeout: 0,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: keepalivesUnanswered,
  }
  const ssh = new NodeSSH()
  const connecting = ssh.connect(config)
  const client = ssh.connection
  // For good, and before anything can happen: see Connection. A failed handshake may report two errors.
  client?.on('error', () => {})
  client?.on('connect', () => {
    connected = true
    // Otherwise small packets wait for acknowledgements, 40 ms each time.
    client.setNoDelay(true)
  })
  try {
    await connecting
    if (!client) throw new Error('closed as soon as it was open')
    return new Connection(endpoint.label, client)
  } catch (error) {
    client?.destroy()
    if (hostKeyError !== null) throw hostKeyError
    if (keyError instanceof MigrateError) throw keyError
    const said = timer.expired
      ? `no answer in ${handshakeMs / 1000} s`
      : error instanceof Error
        ? error.message
        : String(error)
    const context = { host: endpoint.label, next: `try: ssh -v -p ${endpoint.port} ${endpoint.user}@${endpoint.host}` }
    if (isRefusal(error)) {
      const tried = offered.length === 0 ? 'there was none to offer' : `offered: ${offered.join(', ')}`
      throw new UnreachableError(`${endpoint.label}: ${where} accepts none of our keys (${tried})`, context, keyError)
    }
    const early = (connected || sock) && !timer.expired && /before handshake|ECONNRESET/.test(said)
    const Kind = early ? DroppedEarly : UnreachableError
    const next = `${context.next}. One that stays away: README.md, "A node that does not come back"`
    throw new Kind(`${endpoint.label}: no connection to ${where}: ${said}`, { ...context, next })
  } finally {
    timer.stop()
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'level' in error && error.level === 'client-authentication'
}

interface Stopwatch {
  expired: boolean
  pause(): void
  resume(): void
  stop(): void
}

function stopwatch(ms: number, expire: () => void): Stopwatch {
  let leftMs = ms
  let since = 0
  let timer: NodeJS.Timeout | undefined
  const watch: Stopwatch = {
    expired: false,
    pause() {
      clearTimeout(timer)
      leftMs -= performance.now() - since
    },
    resume() {
      since = performance.now()
      timer = setTimeout(() => {
        watch.expired = true
        expire()
      }, leftMs)
    },
    stop: () => clearTimeout(timer),
  }
  watch.resume()
  return watch
}
