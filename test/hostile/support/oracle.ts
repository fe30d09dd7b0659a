import { expect } from 'vitest'
import { failureJson, failureOf, failureText } from '../../../src/cli/failure.ts'
import { InputError, MigrateError } from '../../../src/errors.ts'

/** Controls but line breaks, and what turns or hides text: none of it may reach a terminal. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const maxChars = 10_000
/** Of this process: the machine may be a busy one. */
const maxCpuMs = 5_000

export function expectPrintable(text: string): void {
  const at = text.split('\n').find((line) => unprintable.test(line))
  expect(at === undefined ? null : JSON.stringify(at)).toBeNull()
}

/** One clear error: of ours, short, printable, with what to do next where an input is wrong, and no stack. */
function expectClear(error: unknown): void {
  if (!(error instanceof MigrateError)) throw error
  const failure = failureOf(error)
  const told = failureText(failure)
  expectPrintable(told)
  expectPrintable(failureJson(failure))
  expect(told.length, told.slice(0, 500)).toBeLessThan(maxChars)
  expect(told).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
  expect(error.message.trim()).not.toBe('')
  if (error instanceof InputError) expect(error.context.next ?? '', told).not.toBe('')
}

/** What came of a hostile input: a value, or null and one clear error. Anything else fails the test. */
export async function cameOf<T>(act: () => T | Promise<T>): Promise<T | null> {
  const started = process.cpuUsage()
  try {
    return await act()
  } catch (error) {
    expectClear(error)
    return null
  } finally {
    const { user, system } = process.cpuUsage(started)
    expect((user + system) / 1000).toBeLessThan(maxCpuMs)
  }
}
