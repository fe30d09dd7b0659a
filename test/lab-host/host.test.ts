import { expect, test } from 'vitest'
import { must, run, until } from '../../src/lab/host.ts'

test('run gives output and exit code, also of a program that ended by a signal or did not read its input', async () => {
  expect(await run(['cat'], { stdin: 'héllo' })).toEqual({ code: 0, stdout: 'héllo', stderr: '' })
  expect(await run(['sh', '-c', 'echo no >&2; exit 3'])).toEqual({ code: 3, stdout: '', stderr: 'no\n' })
  expect((await run(['sh', '-c', 'kill -9 $$'])).code).toBe(137)
  expect((await run(['true'], { stdin: 'x'.repeat(1_000_000) })).code).toBe(0)
  await expect(run(['/nonexistent/program'])).rejects.toThrow('cannot start /nonexistent/program')
})

test('must throws with what the program said', async () => {
  await expect(must(['sh', '-c', 'echo why >&2; exit 4'])).rejects.toThrow(/ended with 4: why/)
})

test('until gives the first value, and says what it waited for', async () => {
  let looks = 0
  expect(
    await until({ waitingFor: () => 'it', timeoutMs: 5_000, everyMs: 1 }, () => (++looks === 3 ? looks : undefined)),
  ).toBe(3)
  await expect(
    until({ waitingFor: () => `look ${looks}`, timeoutMs: 20, everyMs: 1 }, () => void looks++),
  ).rejects.toThrow(/waited 0 s for look \d+/)
})
