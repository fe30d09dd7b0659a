import { readFileSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { failureJson, failureOf, failureText } from '../../src/cli/failure.ts'
import { BlockedError, FailedError } from '../../src/errors.ts'

test('an error of ours: what, where, what next; no stack', () => {
  const failure = failureOf(
    new FailedError('it broke\u001b[2J', { host: 's1', step: 'flags', command: "cat '/a b'", next: 'migrate resume' }),
  )
  expect(failureText(failure)).toBe(
    "error: it broke\\x1b[2J\n  node: s1\n  step: flags\n  command: cat '/a b'\n  next: migrate resume\n",
  )
  expect(JSON.parse(failureJson(failure))).toMatchObject({ kind: 'error', exitCode: 1, host: 's1' })
  expect(failureOf(new BlockedError('x')).exitCode).toBe(3)
})

test('an error as long as the input that it quotes is cut', () => {
  const text = failureText(failureOf(new FailedError(`no such key: ${'a'.repeat(100_000)}`)))
  expect(text.length).toBeLessThan(8_100)
  expect(text).toMatch(/aaa\.\.\. \(100013 characters in all\)\n$/)
})

test('an error nobody foresaw: called a bug, its stack in a file that only we can read, secrets masked', () => {
  const token = `K10${'ab'.repeat(20)}::server:0123456789abcdef`
  const failure = failureOf(new TypeError(`x is undefined, token ${token}`))
  expect(failure.exitCode).toBe(1)
  const text = failureText(failure)
  expect(text).toContain('this is a bug in migrate, not in your cluster')
  expect(text).not.toMatch(/^\s+at /m)
  expect(text).not.toContain(token)
  const file = /the file (\S+stack\.txt)/.exec(text)?.[1] ?? ''
  const stack = readFileSync(file, 'utf8')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  rmSync(dirname(file), { recursive: true })
  expect(stack).toMatch(/^\s+at .*failure\.test\.ts/m)
  expect(stack).not.toContain(token)
})
