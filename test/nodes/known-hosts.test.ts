import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hostKeyProblem, readExpectedKeys } from '../../src/nodes/host-key.ts'
import {
  expectedKeys,
  fingerprint,
  hostKeyAlgorithms,
  hostToken,
  judge,
  matchesHost,
  parseKnownHosts,
} from '../../src/nodes/known-hosts.ts'
import { keyPair } from './key-pair.ts'

const makeKey = (type: 'ed25519' | 'ecdsa' = 'ed25519') => {
  const pair = keyPair(type)
  const [name = '', base64 = ''] = pair.public.split(' ')
  return { line: `${name} ${base64}`, blob: Buffer.from(base64, 'base64') }
}
const mine = makeKey()
const other = makeKey()
const ecdsa = makeKey('ecdsa')

const verdict = (text: string, host: string, port = 22, key = mine.blob) =>
  judge(expectedKeys(parseKnownHosts(text, 'kh').entries, host, port), key)

describe('which lines are about a host', () => {
  test.each([
    ['n1', 'n1', true],
    ['N1.Example.org', 'n1.example.org', true],
    ['n1,10.0.0.1', '10.0.0.1', true],
    ['n1', 'n10', false],
    ['*.example.org', 'a.b.example.org', true],
    ['n?', 'n1', true],
    ['n?', 'n12', false],
    ['*,!n1', 'n1', false],
    ['*,!n1', 'n2', true],
    ['[n1]:2222', '[n1]:2222', true],
    ['[n1]:2222', 'n1', false],
    ['n.1', 'nx1', false],
  ])('%s, %s: %s', (hosts, token, expected) => {
    expect(matchesHost(hosts, token)).toBe(expected)
  })

  test('lines hashed by ssh-keygen itself', () => {
    const folder = mkdtempSync(join(tmpdir(), 'known-hosts-'))
    const file = join(folder, 'known_hosts')
    writeFileSync(file, `n1,10.0.0.1 ${mine.line}\n[n2]:2222 ${other.line}\n`)
    execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' })
    const text = readFileSync(file, 'utf8')
    rmSync(folder, { recursive: true })
    expect(text).toContain('|1|')
    expect(verdict(text, 'n1').kind).toBe('known')
    expect(verdict(text, '10.0.0.1').kind).toBe('known')
    expect(verdict(text, 'n2', 2222, other.blob).kind).toBe('known')
    expect(verdict(text, 'n3').kind).toBe('unknown')
  })

  test('a token is the bare name for port 22 only', () => {
    expect(hostToken('N1', 22)).toBe('n1')
    expect(hostToken('n1', 2222)).toBe('[n1]:2222')
  })
})

describe('judging a key', () => {
  test('known, unknown, changed', () => {
    expect(verdict(`n1 ${mine.line} a comment`, 'n1').kind).toBe('known')
    expect(verdict(`n2 ${mine.line}`, 'n1').kind).toBe('unknown')
    expect(verdict(`# c\n\nn1 ${other.line}`, 'n1')).toEqual({ kind: 'changed', places: ['kh:3'] })
  })

  test('one of several keys of a host is enough', () => {
    expect(verdict(`n1 ${other.line}\nn1 ${mine.line}`, 'n1').kind).toBe('known')
  })

  test('revoked wins over known, also where it is revoked for every host', () => {
    expect(verdict(`n1 ${mine.line}\n@revoked * ${mine.line}`, 'n1')).toEqual({ kind: 'revoked', places: ['kh:2'] })
    expect(verdict(`n1 ${mine.line}\n@revoked * ${other.line}`, 'n1').kind).toBe('known')
  })

  test('a known host that shows a key of another type is neither unknown nor known', () => {
    expect(verdict(`n1 ${ecdsa.line}`, 'n1')).toMatchObject({ kind: 'other-type', types: ['ecdsa-sha2-nistp256'] })
  })

  test('on another port: its own line, or the same key under the bare name', () => {
    expect(verdict(`n1 ${mine.line}`, 'n1', 2222).kind).toBe('known')
    expect(verdict(`n1 ${mine.line}\n[n1]:2222 ${other.line}`, 'n1', 2222).kind).toBe('changed')
  })

  test('authorities are not used, and are counted; broken lines are named', () => {
    const text = `@cert-authority * ${mine.line}\nn1 ssh-ed25519\n@what n1 ${mine.line}\n`
    const file = parseKnownHosts(text, 'kh')
    expect(expectedKeys(file.entries, 'n1', 22)).toMatchObject({ accepted: [], ignoredAuthorities: 1 })
    expect(file.unreadable).toEqual(['kh:2', 'kh:3'])
    expect(verdict(text, 'n1').kind).toBe('unknown')
  })

  test('the server is asked for the types we hold first, and never for SHA-1', () => {
    const entries = parseKnownHosts(`n1 ${ecdsa.line}`, 'kh').entries
    const algorithms = hostKeyAlgorithms(expectedKeys(entries, 'n1', 22))
    expect(algorithms[0]).toBe('ecdsa-sha2-nistp256')
    expect(algorithms).toContain('ssh-ed25519')
    expect(algorithms).not.toContain('ssh-rsa')
  })

  test('fingerprints are those of ssh-keygen', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fingerprint-'))
    writeFileSync(join(folder, 'k.pub'), mine.line)
    const said = execFileSync('ssh-keygen', ['-lf', join(folder, 'k.pub')], { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect(said).toContain(fingerprint(mine.blob))
  })
})

describe('what the operator is told', () => {
  const place = { label: 'n1', knownAs: '10.0.0.1', knownPort: 2222, knownHostsFiles: ['/home/a/.ssh/known_hosts'] }
  const keys = (text: string) => expectedKeys(parseKnownHosts(text, 'kh').entries, '10.0.0.1', 2222)

  test('changed: loud, with the line, and how to go on', () => {
    const error = hostKeyProblem(place, keys(`[10.0.0.1]:2222 ${other.line}`), mine.blob)
    expect(error?.message).toMatch(/CHANGED.*SHA256:.*kh:1/)
    expect(error?.context.next).toContain("ssh-keygen -R '[10.0.0.1]:2222'")
    expect(error?.exitCode).toBe(3)
  })

  test('unknown: compare first, then add', () => {
    const error = hostKeyProblem(place, keys(''), mine.blob)
    expect(error?.context.next).toMatch(/compare .*ssh-keyscan -t ed25519 -p 2222 10\.0\.0\.1 >> \/home\/a/)
  })

  test('a pinned key replaces known_hosts', () => {
    const pinned = readExpectedKeys({ ...place, pinnedKey: mine.line })
    expect(hostKeyProblem(place, pinned, mine.blob)).toBeNull()
    expect(hostKeyProblem(place, pinned, other.blob)?.message).toContain('hostKey in the inventory')
    expect(() => readExpectedKeys({ ...place, pinnedKey: 'ssh-ed25519 AAAA' })).toThrow(/not a public key/)
  })
})
