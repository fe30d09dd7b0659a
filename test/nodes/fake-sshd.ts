import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2, { type Connection, type ServerChannel, type ServerConfig } from 'ssh2'
import { Connector } from '../../src/nodes/connector.ts'
import type { Endpoint } from '../../src/nodes/endpoint.ts'
import { KeyRing } from '../../src/nodes/identities.ts'
import { createRedactor } from '../../src/nodes/redactor.ts'
import { SshNode } from '../../src/nodes/ssh-node.ts'
import { SudoPasswords } from '../../src/nodes/sudo.ts'
import { keyPair } from './key-pair.ts'

/** One command that was asked for; what is done with it is the test's to say. */
export interface Exec {
  command: string
  accept: () => ServerChannel
  reject: () => void
  client: Connection
  /** The bare TCP connection, to be cut or reset. */
  socket: Socket
}

export interface FakeOptions {
  /** Instead of running the command in a real sh. */
  onExec?: (exec: Exec) => void
  /** Sessions that are open at once before the next is refused, as MaxSessions does. */
  maxSessions?: number
  config?: Partial<ServerConfig>
  /** Environment of commands: a PATH with a fake sudo. */
  env?: NodeJS.ProcessEnv
  /** Connections that are dropped as soon as they are open, as MaxStartups does. */
  dropFirst?: number
  /** Directory and host key of another server, to stand in its place. */
  allowForward?: boolean
}

export interface FakeSshd {
  port: number
  /** `type base64` */
  hostKey: string
  /** Private key that may log in. */
  identityFile: string
  folder: string
  /** What it saw, in order: `connection`, `auth METHOD`, `exec COMMAND`. */
  seen: string[]
  sockets: Set<Socket>
  mostSessions: () => number
  stop(): Promise<void>
}

export const userKey = keyPair()

/** An SSH server in this process that runs commands with the real sh, or misbehaves as told. */
export async function fakeSshd(options: FakeOptions = {}): Promise<FakeSshd> {
  const hostPair = keyPair()
  const folder = mkdtempSync(join(tmpdir(), 'fake-sshd-'))
  const identityFile = join(folder, 'id')
  writeFileSync(identityFile, userKey.private, { mode: 0o600 })
  const seen: string[] = []
  const sockets = new Set<Socket>()
  let sessions = 0
  let most = 0
  let drop = options.dropFirst ?? 0

  const server = new ssh2.Server({ hostKeys: [hostPair.private], ...options.config })
  let newest: Socket | undefined
  server.on('connection', (client) => {
    const socket = newest as Socket
    client.on('error', () => {})
    client.on('authentication', (context) => {
      seen.push(`auth ${context.method}`)
      const key = ssh2.utils.parseKey(userKey.public)
      if (key instanceof Error || Array.isArray(key)) return context.reject()
      if (context.method === 'publickey' && key.getPublicSSH().equals(context.key.data)) return context.accept()
      context.reject(['publickey'])
    })
    client.on('ready', () => {
      client.on('session', (acceptSession, rejectSession) => {
        if (sessions >= (options.maxSessions ?? Number.POSITIVE_INFINITY)) return rejectSession()
        most = Math.max(most, ++sessions)
        const session = acceptSession()
        // Freed a little after the client sees the close, as sshd does.
        session.on('close', () => setTimeout(() => sessions--, 2))
        session.on('exec', (accept, reject, info) => {
          seen.push(`exec ${info.command}`)
          if (options.onExec) options.onExec({ command: info.command, accept, reject, client, socket })
          else runInShell(info.command, accept(), options.env)
        })
      })
      client.on('tcpip', (accept, reject, info) => {
        if (!options.allowForward) return reject()
        seen.push(`forward ${info.destIP}:${info.destPort}`)
        const upstream = net.connect(info.destPort, info.destIP, () => {
          const channel = accept()
          upstream.pipe(channel).pipe(upstream)
        })
        upstream.on('error', () => {})
      })
    })
  })
  const listener = net.createServer({ noDelay: true }, (socket) => {
    seen.push('connection')
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    if (drop > 0) {
      drop--
      return socket.destroy()
    }
    newest = socket
    server.injectSocket(socket)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as net.AddressInfo).port,
    hostKey: hostPair.public.split(' ').slice(0, 2).join(' '),
    identityFile,
    folder,
    seen,
    sockets,
    mostSessions: () => most,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

export function runInShell(command: string, channel: ServerChannel, env: NodeJS.ProcessEnv = process.env): void {
  const child = spawn('/bin/sh', ['-c', command], { env })
  channel.pipe(child.stdin)
  child.stdin.on('error', () => {})
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  child.on('close', (code, signal) => {
    if (signal) channel.exit(signal.replace('SIG', ''), false, '')
    else channel.exit(code ?? 255)
    channel.end()
  })
}

export function endpointOf(server: FakeSshd, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    label: 'n1',
    host: '127.0.0.1',
    port: server.port,
    user: 'root',
    knownAs: '127.0.0.1',
    knownPort: server.port,
    knownHostsFiles: [],
    pinnedKey: server.hostKey,
    identityFiles: [server.identityFile],
    identitiesOnly: true,
    jumps: [],
    notes: [],
    ...changes,
  }
}

/** A node on that server. `answers` are what the operator types, in order; a question too many is an error. */
export function nodeOn(server: FakeSshd, changes: Partial<Endpoint> = {}, answers: string[] = []): TestNode {
  const asked: string[] = []
  const secrets = {
    async ask(prompt: string) {
      asked.push(prompt)
      const answer = answers.shift()
      if (answer === undefined) throw new Error(`nobody answers: ${prompt}`)
      return answer
    },
  }
  const redactor = createRedactor()
  const connector = new Connector(new KeyRing(secrets, redactor))
  const shared = { connector, passwords: new SudoPasswords(secrets, redactor) }
  const node = new SshNode('n1', async () => endpointOf(server, changes), shared)
  return Object.assign(node, { asked })
}

export interface TestNode extends SshNode {
  asked: string[]
}
