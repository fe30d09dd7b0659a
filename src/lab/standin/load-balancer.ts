import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { paths } from './context.ts'
import { log } from './log.ts'

const stateFile = `${paths.data}/agent/etc/k3s-agent-load-balancer.json`
const dialTimeoutMs = 2000
const checkEveryMs = 3000

/**
 * An agent's way to the servers: a TCP proxy on 127.0.0.1:6444 that takes the first server which answers, and drops the
 * connections to one that has ceased to. Which servers there are outlives a restart in K3s' own state file.
 */
export class LoadBalancer {
  private servers: string[]
  private readonly serverUrl: string
  private readonly open = new Map<Socket, string>()
  private readonly server: Server

  constructor(serverUrl: string) {
    this.serverUrl = serverUrl
    const own = new URL(serverUrl)
    this.servers = [...new Set([`${own.hostname}:${own.port || '6443'}`, ...readState()])]
    this.server = createServer({ keepAlive: true }, (socket) => this.forward(socket, [...this.servers]))
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.server.once('error', reject)
    this.server.listen({ host: '127.0.0.1', port: 6444 }, resolve)
    await promise
    log('info', `Running load balancer k3s-agent-load-balancer 127.0.0.1:6444 -> [${this.servers.join(' ')}]`)
    this.save()
    setInterval(() => this.dropDead(), checkEveryMs).unref()
  }

  /** Takes over the servers' addresses (`ip:port`) that the cluster says it has. */
  update(addresses: readonly string[]): void {
    if (addresses.length === 0 || addresses.toSorted().join() === this.servers.toSorted().join()) return
    this.servers = [...addresses]
    log('info', `Updated load balancer k3s-agent-load-balancer server addresses -> [${addresses.join(' ')}]`)
    this.save()
  }

  private save(): void {
    const state = { ServerURL: this.serverUrl, ServerAddresses: this.servers }
    mkdirSync(`${paths.data}/agent/etc`, { recursive: true })
    writeFileSync(stateFile, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  }

  private forward(client: Socket, candidates: string[]): void {
    const address = candidates.shift()
    if (address === undefined) {
      client.destroy()
      return
    }
    const upstream = dial(address)
    const next = () => {
      upstream.destroy()
      if (!client.destroyed) this.forward(client, candidates)
    }
    upstream.once('timeout', next)
    upstream.once('error', next)
    upstream.once('connect', () => {
      upstream.setTimeout(0)
      upstream.off('error', next)
      this.open.set(upstream, address)
      upstream.on('close', () => {
        this.open.delete(upstream)
        client.destroy()
      })
      upstream.on('error', () => upstream.destroy())
      client.on('error', () => upstream.destroy())
      client.on('close', () => upstream.destroy())
      client.pipe(upstream)
      upstream.pipe(client)
    })
  }

  /** A server that lost its power closes nothing: without this, watches through it would hang. */
  private dropDead(): void {
    for (const address of new Set(this.open.values())) {
      const probe = dial(address)
      const drop = () => {
        probe.destroy()
        for (const [socket, to] of this.open) if (to === address) socket.destroy()
      }
      probe.once('timeout', drop)
      probe.once('error', drop)
      probe.once('connect', () => probe.destroy())
    }
  }
}

function dial(address: string): Socket {
  const at = address.lastIndexOf(':')
  return connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), timeout: dialTimeoutMs })
}

function readState(): string[] {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8')).ServerAddresses ?? []
  } catch {
    return []
  }
}
