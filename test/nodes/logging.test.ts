import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readOnly } from '../../src/nodes/gate.ts'
import { CommandLog, logged } from '../../src/nodes/logging.ts'
import type { Command, Node, Outcome } from '../../src/nodes/node.ts'
import { createRedactor, maskKnownPatterns } from '../../src/nodes/redactor.ts'
import { script } from '../../src/nodes/run.ts'
import { textOf } from '../../src/nodes/text.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const ended = (stdout: string): Outcome => ({ kind: 'exited', code: 0, stdout, stderr: '', durationMs: 3 })
function answering(outcome: Outcome): Node & { ran: Command[] } {
  const ran: Command[] = []
  return {
    name: 'n1',
    ran,
    async run(command) {
      ran.push(command)
      return outcome
    },
    connect: () => Promise.reject(new Error('none')),
    reconnect: async () => {},
  }
}
const read: Command = { argv: ['iptables-save', '-t', 'a b'], mode: 'read', timeoutMs: 1 }

describe('the log', () => {
  test('has each command, its end and its output; for its owner only', async () => {
    const path = join(folder, 'log')
    await logged(answering(ended('one\ntwo\n')), new CommandLog(path, createRedactor())).run(read)
    const text = readFileSync(join(path, 'n1.log'), 'utf8')
    expect(text).toMatch(/#1 read iptables-save -t 'a b'\n.* #1 exit 0 after 3 ms\n {2}stdout:\n {4}one\n {4}two\n/)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(statSync(join(path, 'n1.log')).mode & 0o777).toBe(0o600)
  })

  test('scripts stand there by name, not with their text or input', async () => {
    const log = new CommandLog(folder, createRedactor())
    await logged(answering(ended('')), log).run({ ...read, ...script('read-file', 'echo text', ['/etc/x y']) })
    const text = readFileSync(join(folder, 'n1.log'), 'utf8')
    expect(text).toContain("[read-file] '/etc/x y'")
    expect(text).not.toContain('echo text')
  })

  test('a secret at the very cut of a long output is not left in half', async () => {
    const secret = 'correct horse battery staple'
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 3_950, max: 4_050 }), async (offset) => {
        const redactor = createRedactor()
        redactor.add(secret)
        const head = new CommandLog(folder, redactor).head(`${'x'.repeat(offset)}${secret} and more`)
        expect(head).not.toContain('correct')
      }),
    )
  })

  test('bytes that are no UTF-8 are said', async () => {
    await logged(
      answering(ended(textOf(Buffer.from([0x61, 0xff, 0x62])))),
      new CommandLog(folder, createRedactor()),
    ).run(read)
    expect(readFileSync(join(folder, 'n1.log'), 'utf8')).toMatch(
      /stdout \(with bytes that are not UTF-8\):\n {4}a\\xffb\n/,
    )
  })

  test('when it cannot be written the command is not sent', async () => {
    const node = answering(ended(''))
    const log = new CommandLog(join(folder, 'gone'), createRedactor())
    rmSync(join(folder, 'gone'), { recursive: true })
    await expect(logged(node, log).run(read)).rejects.toThrow(/cannot write the log/)
    expect(node.ran).toEqual([])
  })
})

describe('masking', () => {
  test('registered secrets, however they are written', () => {
    const redactor = createRedactor()
    const secret = `it's "a" secret\\`
    redactor.add(secret)
    const forms = [secret, JSON.stringify(secret), Buffer.from(secret).toString('base64'), `it'\\''s "a" secret\\`]
    for (const form of forms) expect(redactor.mask(`<${form}>`)).not.toMatch(/secret|aXQncy/)
  })

  test('no registered secret comes through, whatever it is and wherever it stands', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!'***'.includes(secret) && !secret.includes('*'))
        const redactor = createRedactor()
        redactor.add(secret)
        expect(redactor.mask(`${before}${secret}${after}`)).not.toContain(secret)
      }),
    )
  })

  test.each([
    ['K10aabbccddeeff00112233::server:0123456789abcdef', '0123456789abcdef'],
    ['token: hunter2', 'hunter2'],
    ['agent-token: "hunter2"', 'hunter2'],
    ['K3S_TOKEN=hunter2 K3S_URL=x', 'hunter2'],
    ['{"password":"hunter2"}', 'hunter2'],
    ['client-key-data: TFMwdExTMUNSVWRKVGlC', 'TFMwdExT'],
    ['Authorization: Bearer abcdef0123456789', 'abcdef0123456789'],
    ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----', 'MHcCAQEE'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMHcCAQEE\n(cut)', 'MHcCAQEE'],
  ])('known by its shape: %s', (text, secret) => {
    expect(maskKnownPatterns(text)).not.toContain(secret)
  })

  test('ordinary text stays', () => {
    const text = 'server: https://10.0.0.1:6443\n-A KUBE-ROUTER-INPUT -m comment --comment "secretary"\n'
    expect(maskKnownPatterns(text)).toBe(text)
  })
})

describe('the gate', () => {
  test('lets reads through and refuses writes before they are sent', async () => {
    const node = answering(ended('x'))
    expect(await readOnly(node).run(read)).toMatchObject({ stdout: 'x' })
    await expect(readOnly(node).run({ ...read, mode: 'write' })).rejects.toThrow(/n1: refused while only looking/)
    expect(node.ran).toHaveLength(1)
  })
})
