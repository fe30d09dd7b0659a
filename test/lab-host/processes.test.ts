import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { childrenOf, isAlive, killHard, processAt, readProcessId } from '../../src/lab/processes.ts'

const started: ReturnType<typeof spawn>[] = []
function sleeper(): number {
  const child = spawn('sleep', ['60'])
  started.push(child)
  if (child.pid === undefined) throw new Error('sleep did not start')
  return child.pid
}
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

test('a process is found by pid and start time, and killed', async () => {
  const pid = sleeper()
  const id = processAt(pid)
  if (id === undefined) throw new Error('not found')
  expect(isAlive(id)).toBe(true)
  await killHard([id])
  expect(isAlive(id)).toBe(false)
})

test('a pid that has become another process is not killed', async () => {
  const pid = sleeper()
  const id = processAt(pid)
  if (id === undefined) throw new Error('not found')
  await killHard([{ pid, startTicks: id.startTicks - 1 }])
  expect(isAlive(id)).toBe(true)
})

test('the start time is read right whatever the process is called', () => {
  const own = processAt(process.pid)
  expect(own?.startTicks).toBeGreaterThan(0)
  expect(processAt(2 ** 22 + 1)).toBeUndefined()
  const pid = sleeper()
  expect(childrenOf(process.pid).map((id) => id.pid)).toContain(pid)
})

test('a pid file counts only for the very process it was written by', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lab-pid-'))
  const file = join(dir, 'pid')
  const id = processAt(sleeper())
  if (id === undefined) throw new Error('not found')
  expect(readProcessId(file)).toBeUndefined()
  writeFileSync(file, `${id.pid} ${id.startTicks}\n`)
  expect(readProcessId(file)).toEqual(id)
  writeFileSync(file, `${id.pid} ${id.startTicks + 1}\n`)
  expect(readProcessId(file)).toBeUndefined()
  for (const broken of ['', 'x y', '1 1', `${id.pid}`]) {
    writeFileSync(file, broken)
    expect(readProcessId(file)).toBeUndefined()
  }
})
