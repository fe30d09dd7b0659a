import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { HostKeyError, UnreachableError } from '../../src/nodes/errors.ts'
import type { Command } from '../../src/nodes/node.ts'
import type { SshNode } from '../../src/nodes/ssh-node.ts'
import { type Exec, type FakeOptions, type FakeSshd, fakeSshd, nodeOn, runInShell } from './fake-sshd.ts'
import { keyPair } from './key-pair.ts'

const open: { stop(): Promise<void> }[] = []
const nodes: SshNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) node.close()
  for (const server of open.splice(0)) await server.stop()
})

async function server(options: FakeOptions = {}): Promise<FakeSshd> {
  const started = await fakeSshd(options)
  open.push(started)
  return started
}

function node(...args: Parameters<typeof nodeOn>) {
  const made = nodeOn(...args)
  nodes.push(made)
  return made
}

const sh = (text: string, more: Partial<Command> = {}): Command => ({
  argv: ['sh', '-c', text],
  mode: 'read',
  timeoutMs: 5_000,
  ...more,
})

/** Answers with the mark that the command line asks for, as a started command does. */
function startedChannel(exec: Exec) {
  const channel = exec.accept()
  const mark = /'(<[\w-]+>)'/.exec(exec.command)?.[1] ?? ''
  channel.write(mark)
  channel.stderr.write(mark)
  return channel
}

describe('commands', () => {
  test('exit code, both outputs untrimmed, stdin', async () => {
    const outcome = await node(await server()).run(sh('cat; echo " e " >&2; exit 7', { stdin: ' in\n\n' }))
    expect(outcome).toMatchObject({ kind: 'exited', code: 7, stdout: ' in\n\n', stderr: ' e \n' })
  })

  test('something on stderr is no failure', async () => {
    const outcome = await node(await server()).run(sh('echo warning >&2'))
    expect(outcome).toMatchObject({ kind: 'exited', code: 0, stderr: 'warning\n' })
  })

  test('a signal is an outcome of its own', async () => {
    const exec = (asked: Exec) => {
      const channel = startedChannel(asked)
      channel.exit('KILL', false, '')
      channel.end()
    }
    const outcome = await node(await server({ onExec: exec })).run(sh('true'))
    expect(outcome).toMatchObject({ kind: 'signalled', signal: 'SIGKILL' })
  })

  test('characters that are cut by packets come out whole', async () => {
    const exec = (asked: Exec) => {
      const channel = startedChannel(asked)
      const bytes = Buffer.from('ü€😀'.repeat(200))
      for (const byte of bytes) channel.write(Buffer.from([byte]))
      channel.exit(0)
      channel.end()
    }
    const outcome = await node(await server({ onExec: exec })).run(sh('true'))
    expect(outcome.stdout).toBe('ü€😀'.repeat(200))
  })

  test('bytes that are not UTF-8 come, and go back on stdin, as they are', async () => {
    const outcome = await node(await server()).run(sh("printf 'a\\377b'"))
    expect(outcome.stdout).toBe('a\udcffb')
    const back = await node(await server()).run(sh('od -An -tx1', { stdin: outcome.stdout }))
    expect(back.stdout).toBe(' 61 ff 62\n')
  })

  test('three megabytes each way', async () => {
    const stdin = 'x€'.repeat(750_000)
    const outcome = await node(await server()).run(sh('cat', { stdin }))
    expect(outcome.stdout === stdin).toBe(true)
  })

  test('more output than allowed is an error, and the next command works', async () => {
    const n = node(await server())
    await expect(n.run(sh('head -c 100000 /dev/zero', { maxOutputBytes: 1000 }))).rejects.toThrow(
      /more than 1000 bytes/,
    )
    expect(await n.run(sh('echo ok'))).toMatchObject({ stdout: 'ok\n' })
  })

  test('what a login shell prints before the command does not matter', async () => {
    const exec = (asked: Exec) => runInShell(`echo WELCOME; echo notice >&2; ${asked.command}`, asked.accept())
    const outcome = await node(await server({ onExec: exec })).run(sh('echo out; echo err >&2'))
    expect(outcome).toMatchObject({ kind: 'exited', code: 0, stdout: 'out\n', stderr: 'err\n' })
  })

  test('a login shell that runs nothing is an error that says so, not an exit code of the command', async () => {
    const exec = (asked: Exec) => runInShell('echo This account is not available.; exit 1', asked.accept())
    await expect(node(await server({ onExec: exec })).run(sh('true'))).rejects.toThrow(/did not run.*not available/)
  })

  test('twenty at once: four in flight, none refused for good', async () => {
    const s = await server({ maxSessions: 4 })
    const n = node(s)
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => n.run(sh(`sleep 0.02; echo ${i}`))))
    expect(outcomes.map((outcome) => outcome.stdout)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}\n`))
    expect(s.mostSessions()).toBeLessThanOrEqual(4)
  })

  test('a server with fewer sessions: refused ones are tried again, and run once', async () => {
    const s = await server({ maxSessions: 1 })
    const n = node(s)
    const outcomes = await Promise.all([1, 2, 3].map((i) => n.run(sh(`echo ${i}`))))
    expect(outcomes.map((outcome) => outcome.stdout)).toEqual(['1\n', '2\n', '3\n'])
    expect(s.seen.filter((line) => line.startsWith('exec'))).toHaveLength(3)
  })
})

describe('lost connections', () => {
  test('closed in the middle of a command: unknown, with what came before', async () => {
    const exec = (asked: Exec) => {
      startedChannel(asked).write('part', () => setTimeout(() => asked.client.end(), 20))
    }
    const outcome = await node(await server({ onExec: exec })).run(sh('true'))
    expect(outcome).toMatchObject({ kind: 'unknown', stdout: 'part' })
  })

  test('the session closed without an exit status: unknown', async () => {
    const exec = (asked: Exec) => void startedChannel(asked).close()
    expect(await node(await server({ onExec: exec })).run(sh('true'))).toMatchObject({ kind: 'unknown' })
  })

  test('reset in the middle of a command: unknown, at once', async () => {
    const exec = (asked: Exec) => {
      startedChannel(asked)
      setTimeout(() => asked.socket.resetAndDestroy(), 20)
    }
    const outcome = await node(await server({ onExec: exec })).run(sh('true', { timeoutMs: 60_000 }))
    expect(outcome).toMatchObject({ kind: 'unknown' })
    expect(outcome.durationMs).toBeLessThan(5_000)
  })

  test('reset while idle: no uncaught error, and the next command connects anew', async () => {
    const s = await server()
    const n = node(s)
    await n.run(sh('true'))
    for (const socket of s.sockets) socket.resetAndDestroy()
    await sleep(50)
    expect(await n.run(sh('echo again'))).toMatchObject({ stdout: 'again\n' })
    expect(s.seen.filter((line) => line === 'connection')).toHaveLength(2)
  })

  test('a command whose outcome is unknown is not run again', async () => {
    const s = await server({ onExec: (asked) => asked.socket.resetAndDestroy() })
    expect(await node(s).run(sh('true'))).toMatchObject({ kind: 'unknown' })
    expect(s.seen.filter((line) => line.startsWith('exec'))).toHaveLength(1)
  })

  test('the deadline covers a command that hangs; others go on', async () => {
    const n = node(await server())
    const [hung, other] = await Promise.all([n.run(sh('sleep 5', { timeoutMs: 200 })), n.run(sh('echo fine'))])
    expect(hung).toMatchObject({ kind: 'unknown', reason: 'the deadline passed' })
    expect(other).toMatchObject({ stdout: 'fine\n' })
  })

  test('the deadline covers a session that is never opened', async () => {
    const s = await server({ onExec: () => {} })
    const outcome = await node(s).run(sh('true', { timeoutMs: 200 }))
    expect(outcome).toMatchObject({ kind: 'unknown' })
    expect(outcome.durationMs).toBeLessThan(2_000)
  })

  test('reconnect is a fresh connection', async () => {
    const s = await server()
    const n = node(s)
    await n.run(sh('true'))
    await n.reconnect()
    expect(s.seen.filter((line) => line === 'connection')).toHaveLength(2)
  })

  test('a server that drops some connections early is tried again', async () => {
    const n = node(await server({ dropFirst: 2 }))
    expect(await n.run(sh('echo in'))).toMatchObject({ stdout: 'in\n' })
  })

  test('nobody there: an error with what to try, and nothing was sent', async () => {
    const s = await fakeSshd()
    await s.stop()
    const error = await node(s, { pinnedKey: s.hostKey, identityFiles: [] })
      .run(sh('true'))
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(UnreachableError)
    expect((error as UnreachableError).message).toMatch(/n1: no connection to root@127.0.0.1:\d+: .*ECONNREFUSED/)
  })
})

describe('host keys', () => {
  const other = keyPair().public.split(' ').slice(0, 2).join(' ')

  test('another key than the known one: refused, and no login was tried', async () => {
    const s = await server()
    const n = node(s, { pinnedKey: other })
    await expect(n.run(sh('true'))).rejects.toThrow(HostKeyError)
    expect(s.seen).toEqual(['connection'])
  })

  test('after that the host is left alone for the rest of the run', async () => {
    const s = await server()
    const n = node(s, { pinnedKey: other })
    await n.run(sh('true')).catch(() => {})
    await expect(n.reconnect()).rejects.toThrow(HostKeyError)
    expect(s.seen).toEqual(['connection'])
  })

  test('an unknown key: the error shows its fingerprint and how to compare', async () => {
    const s = await server()
    const error = await node(s, { pinnedKey: undefined })
      .run(sh('true'))
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(HostKeyError)
    expect(String(error)).toMatch(/not known: ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}\./)
    expect((error as HostKeyError).context.next).toMatch(/ssh-keygen -lf .*ssh-keyscan -t ed25519 -p \d+ 127\.0\.0\.1/)
    expect(s.seen).toEqual(['connection'])
  })

  test('known_hosts is read from files', async () => {
    const s = await server()
    const file = join(s.folder, 'known_hosts')
    writeFileSync(file, `[127.0.0.1]:${s.port} ${s.hostKey}\n`)
    const n = node(s, { pinnedKey: undefined, knownHostsFiles: [join(s.folder, 'absent'), file] })
    expect(await n.run(sh('echo known'))).toMatchObject({ stdout: 'known\n' })
  })
})

describe('logging in', () => {
  test('no key is accepted: the error says which were offered', async () => {
    const s = await server()
    const stranger = join(s.folder, 'stranger')
    writeFileSync(stranger, keyPair().private)
    await expect(node(s, { identityFiles: [stranger] }).run(sh('true'))).rejects.toThrow(
      new RegExp(`accepts none of our keys \\(offered: ${stranger}\\)`),
    )
  })

  test('a key with a passphrase: asked, and asked again when wrong', async () => {
    const s = await server({ config: {} })
    const locked = join(s.folder, 'locked')
    const pair = keyPair('ed25519', 'open sesame')
    writeFileSync(locked, pair.private)
    const n = node(s, { identityFiles: [locked, s.identityFile] }, ['wrong', 'open sesame'])
    expect(await n.run(sh('echo in'))).toMatchObject({ stdout: 'in\n' })
    expect(n.asked).toEqual([`Passphrase of ${locked}`, `That was wrong. Passphrase of ${locked}`])
  })

  test('an agent that is not there does not stand in the way of the files', async () => {
    const s = await server()
    const n = node(s, { agentSocket: join(s.folder, 'no-agent') })
    expect(await n.run(sh('echo in'))).toMatchObject({ stdout: 'in\n' })
  })

  test('a server that has only group exchange is refused, not waited for', async () => {
    const s = await server({ config: { algorithms: { kex: ['diffie-hellman-group-exchange-sha256'] } } })
    await expect(node(s).run(sh('true'))).rejects.toThrow(/no matching key exchange/)
  })

  test('through a jump host, whose key is checked too', async () => {
    const target = await server()
    const bastion = await server({ allowForward: true })
    const jump = {
      label: 'bastion',
      host: '127.0.0.1',
      port: bastion.port,
      user: 'me',
      knownAs: 'bastion',
      knownPort: 22,
      knownHostsFiles: [],
      identityFiles: [bastion.identityFile],
      identitiesOnly: true,
      jumps: [],
      notes: [],
    }
    const n = node(target, { jumps: [{ ...jump, pinnedKey: bastion.hostKey }] })
    expect(await n.run(sh('echo through'))).toMatchObject({ stdout: 'through\n' })
    expect(bastion.seen).toContain(`forward 127.0.0.1:${target.port}`)
    await expect(node(target, { jumps: [{ ...jump, pinnedKey: target.hostKey }] }).run(sh('true'))).rejects.toThrow(
      /bastion: THE HOST KEY/,
    )
  })
})

describe('streams', () => {
  test('bytes go both ways to an address as the node sees it', async () => {
    const s = await server({ allowForward: true })
    const echo = net.createServer((socket) => socket.pipe(socket))
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
    const stream = await node(s).connect('127.0.0.1', (echo.address() as net.AddressInfo).port)
    stream.write('ping')
    const answer = await new Promise((resolve) => stream.once('data', resolve))
    expect(String(answer)).toBe('ping')
    stream.destroy()
    echo.close()
  })

  test('forwarding that is forbidden is an error with the address in it', async () => {
    await expect(node(await server()).connect('127.0.0.1', 6443)).rejects.toThrow(/127\.0\.0\.1:6443/)
  })
})
