import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseAttempts } from '../../src/probes/attempts.ts'
import { probeScript } from '../../src/probes/probe-script.ts'

let folder: string
let serverPort: number
let silentPort: number
let slowHttpPort: number
let closingPort: number
let mutePort: number
let dnsPort: number
const closers: (() => void)[] = []

beforeAll(async () => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.end(`HTTP/1.0 200 OK\r\n\r\nweb-1 ${socket.remoteAddress}\u0007\tx\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  serverPort = (server.address() as net.AddressInfo).port
  closers.push(() => server.close())
  const tcp = async (answer: (socket: net.Socket) => void) => {
    const one = net.createServer((socket) => answer(socket.on('error', () => {})))
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
    closers.push(() => one.close())
    return (one.address() as net.AddressInfo).port
  }
  slowHttpPort = await tcp((socket) => {
    // Bash writes line by line: the question may come in pieces.
    let question = ''
    socket.on('data', (part) => {
      question += String(part)
      if (!question.endsWith('\r\n\r\n')) return
      setTimeout(() => socket.end(`HTTP/1.1 200 OK\r\n\r\n${/^Host: .*$/m.exec(question)?.[0]}\n`), 300)
    })
  })
  closingPort = await tcp((socket) => socket.end())
  mutePort = await tcp(() => {})
  const udp = async (answer?: (question: Buffer) => Buffer) => {
    const socket = createSocket('udp4')
    socket.on('message', (question, from) => answer && socket.send(answer(question), from.port, from.address))
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    closers.push(() => socket.close())
    return socket.address().port
  }
  silentPort = await udp()
  // As they stand in a question; the second has a label whose length is a newline.
  const names = ['\x03web\x04shop\x03svc\x07cluster\x05local', '\x0akubernetes\x07default\x03svc\x07cluster\x05local']
  dnsPort = await udp((question) => {
    const name = question.toString('latin1', 12)
    const known = names.some((one) => name === `${one}\x00\x00\x01\x00\x01`)
    return Buffer.concat([question.subarray(0, 2), Buffer.from([0x84, known ? 0 : 3]), question.subarray(4)])
  })
})
afterAll(() => {
  for (const close of closers) close()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'probe-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const bash = (args: string[]): ChildProcess =>
  spawn('bash', ['-c', probeScript, 'connect-probe', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })

function once(lines: string, attemptMs = 1000): Promise<string> {
  const child = bash(['once', String(attemptMs)])
  let out = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk
  })
  child.stdin?.end(lines)
  return new Promise((resolve) => child.on('close', () => resolve(out)))
}

const byId = (text: string) => Object.fromEntries(parseAttempts(text).attempts.map((one) => [one.id, one]))
const scratch = () => readdirSync('/run').filter((name) => name.startsWith('cni-migrate-probe.'))

describe('once', () => {
  test('each way an attempt can end', async () => {
    const before = scratch()
    const lines = [
      `ok\t-\t127.0.0.1\t${serverPort}\ttcp\t1`,
      `closed\t-\t127.0.0.1\t1\ttcp\t1`,
      `gone\t/run/netns/there-is-no-such-one\t127.0.0.1\t1\ttcp\t1`,
      `dns\t-\t127.0.0.1\t${dnsPort}\tdns:web.shop.svc.cluster.local\t1`,
      `dns-ten\t-\t127.0.0.1\t${dnsPort}\tdns:kubernetes.default.svc.cluster.local\t1`,
      `dns-unknown\t-\t127.0.0.1\t${dnsPort}\tdns:example.org\t1`,
      `silent\t-\t127.0.0.1\t${silentPort}\tdns:web.shop.svc.cluster.local\t1`,
      `no-dns\t-\t127.0.0.1\t1\tdns:web.shop.svc.cluster.local\t1`,
    ]
    const found = byId(await once(`${lines.join('\n')}\n`))
    expect(Object.fromEntries(Object.entries(found).map(([id, one]) => [id, one.outcome]))).toEqual({
      ok: 'ok',
      closed: 'refused',
      gone: 'no-netns',
      dns: 'ok',
      'dns-ten': 'ok',
      'dns-unknown': 'dns-failed',
      silent: 'timeout',
      'no-dns': 'refused',
    })
    expect(found.silent?.durationMs).toBeGreaterThanOrEqual(1000)
    expect(found.silent?.durationMs).toBeLessThan(2500)
    expect(Math.abs((found.ok?.atMs ?? 0) - Date.now())).toBeLessThan(10_000)
    expect(scratch()).toEqual(before)
  })

  test('http: the first byte of an answer, and each way there can be none', async () => {
    const lines = [
      `slow\t-\t127.0.0.1\t${slowHttpPort}\thttp\t1`,
      `closing\t-\t127.0.0.1\t${closingPort}\thttp\t1`,
      `mute\t-\t127.0.0.1\t${mutePort}\thttp\t1`,
      `closed\t-\t127.0.0.1\t1\thttp\t1`,
    ]
    const found = byId(await once(`${lines.join('\n')}\n`))
    expect(Object.fromEntries(Object.entries(found).map(([id, one]) => [id, one.outcome]))).toEqual({
      slow: 'ok',
      closing: 'reset',
      mute: 'timeout',
      closed: 'refused',
    })
    expect(found.slow?.firstByteMs).toBeGreaterThanOrEqual(300)
    expect(found.slow?.durationMs).toBeLessThan(found.slow?.firstByteMs ?? 0)
    expect(found.slow?.said).toBe(`Host: 127.0.0.1:${slowHttpPort}`)
    for (const id of ['closing', 'mute', 'closed']) expect(found[id]?.firstByteMs).toBeNull()
  })

  test('one that takes longer than others does not hold them up, and is given up when its time is over', async () => {
    const found = byId(
      await once(`mute\t-\t127.0.0.1\t${mutePort}\thttp\t1\nok\t-\t127.0.0.1\t${serverPort}\ttcp\t1\n`, 2500),
    )
    expect(found.mute).toMatchObject({ outcome: 'timeout' })
    expect(found.mute?.durationMs).toBeGreaterThanOrEqual(2500)
    expect(found.ok?.durationMs).toBeLessThan(2000)
  })

  test('what the server says last is kept, without control characters', async () => {
    const found = byId(await once(`a\t-\t127.0.0.1\t${serverPort}\ttcp\t1\n`))
    expect(found.a?.said).toBe('web-1 127.0.0.1x')
  })

  test('from inside another network namespace', async () => {
    const inside = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => inside.stdout.once('data', resolve))
    const found = byId(await once(`a\t/proc/${inside.pid}/ns/net\t127.0.0.1\t${serverPort}\ttcp\t1\n`))
    inside.kill()
    // Its loopback is down and has no server: not the one that answers here.
    expect(found.a?.outcome).toBe('unreachable')
  })

  test('a hundred at once', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => `p${i}\t-\t127.0.0.1\t${serverPort}\ttcp\t1\n`)
    const { attempts, broken } = parseAttempts(await once(lines.join('')))
    expect(broken).toBe(0)
    expect(attempts.filter((one) => one.outcome === 'ok')).toHaveLength(100)
  })
})

describe('loop', () => {
  test('twice a second, follows the targets file, and ends leaving nothing but results', async () => {
    const before = scratch()
    const targets = (text: string) => {
      writeFileSync(join(folder, 'new'), text)
      renameSync(join(folder, 'new'), join(folder, 'targets'))
    }
    const results = () => parseAttempts(readFileSync(join(folder, 'results'), 'utf8'))
    const seen = (id: string, outcome: string) =>
      results().attempts.filter((one) => one.id === id && one.outcome === outcome)
    targets(`a\t-\t127.0.0.1\t${serverPort}\ttcp\t1\n`)
    writeFileSync(join(folder, 'results'), '')
    const child = bash(['loop', '1000', folder, join(folder, 'scratch'), '500'])
    const ended = new Promise((resolve) => child.on('close', resolve))
    await expect.poll(() => seen('a', 'ok').length, { timeout: 10_000 }).toBeGreaterThanOrEqual(5)
    targets(
      `a\t-\t127.0.0.1\t1\ttcp\t1\nb\t-\t127.0.0.1\t${serverPort}\ttcp\t1\nrare\t-\t127.0.0.1\t${serverPort}\ttcp\t4\n`,
    )
    await expect.poll(() => seen('a', 'refused').length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    await expect.poll(() => seen('b', 'ok').length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    await expect.poll(() => seen('rare', 'ok').length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    child.kill('SIGTERM')
    await ended
    const [one, other] = seen('rare', 'ok').map(({ atMs }) => atMs)
    expect((other ?? 0) - (one ?? 0)).toBeGreaterThan(1000)
    const times = results().attempts.flatMap((one) => (one.id === 'a' ? [one.atMs] : []))
    const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]).toBeGreaterThan(400)
    expect(steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]).toBeLessThan(650)
    expect(results().broken).toBe(0)
    expect(scratch()).toEqual(before)
  })
})
