import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CommandFailed, OutcomeUnknown, UnreachableError } from '../../src/nodes/errors.ts'
import type { Command } from '../../src/nodes/node.ts'
import { forgetReceipts, readReceipt, runDetached, unitName } from '../../src/nodes/transient.ts'
import { type LocalNode, localNode } from './local-node.ts'

let node: LocalNode
beforeEach(() => {
  node = localNode()
})
afterEach(() => node.remove())

const id = { run: 'r1', task: 'stop/n1' }
const command = (text: string, more: Partial<Command> = {}): Command => ({
  argv: ['sh', '-c', text],
  mode: 'write',
  timeoutMs: 10_000,
  ...more,
})
const launched = () => readFileSync(join(node.root, 'launched'), 'utf8').trim().split('\n').length

test('runs, and gives back exit code and output', async () => {
  const receipt = await runDetached(node, id, command('cat; echo err >&2', { stdin: 'ü in\n' }))
  expect(receipt).toMatchObject({ state: 'ended', code: 0, stdout: 'ü in\n', stderr: 'err\n' })
  expect(receipt.endedMs).toBeGreaterThanOrEqual(receipt.startedMs)
})

test('arguments arrive as they are, dollars and all', async () => {
  const words = ['$HOME', ['$', '{HOME}'].join(''), '$$', 'a$b', '%n', "it's", '']
  const asked: Command = { argv: ['printf', '<%s>', ...words], mode: 'write', timeoutMs: 10_000 }
  expect((await runDetached(node, id, asked)).stdout).toBe(words.map((word) => `<${word}>`).join(''))
})

test('another exit code is a CommandFailed with the code', async () => {
  const error = await runDetached(node, id, command('echo no >&2; exit 5')).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(CommandFailed)
  expect(error).toMatchObject({ code: 5, message: expect.stringContaining('no') })
})

test('the same task never runs twice: the second call reads the receipt', async () => {
  const counter = join(node.root, 'count')
  const text = `echo x >> '${counter}'; cat '${counter}'`
  await runDetached(node, id, command(text))
  expect(await runDetached(node, id, command(text))).toMatchObject({ stdout: 'x\n' })
  expect(launched()).toBe(1)
})

test('two operators at once: it runs once, and both get the receipt', async () => {
  const counter = join(node.root, 'count')
  const text = `echo x >> '${counter}'; sleep 0.3; cat '${counter}'`
  const both = await Promise.all([runDetached(node, id, command(text)), runDetached(node, id, command(text))])
  expect(both.map((receipt) => receipt.stdout)).toEqual(['x\n', 'x\n'])
})

test('another command under the same task is refused', async () => {
  await runDetached(node, id, command('true'))
  await expect(runDetached(node, id, command('echo other'))).rejects.toThrow(/already run another command/)
})

test('lost connections are waited out, and the command runs once', async () => {
  let calls = 0
  node.before = () => {
    calls++
    if (calls === 1 || calls === 4) throw new UnreachableError('no route')
    if (calls === 3) return { kind: 'unknown', reason: 'cut', stdout: '', stderr: '', durationMs: 1 }
    return undefined
  }
  expect(await runDetached(node, id, command('echo done'))).toMatchObject({ stdout: 'done\n' })
  expect(launched()).toBe(1)
})

test('a connection lost just after it was started: looked at, not run again', async () => {
  let calls = 0
  const run = node.run
  node.run = async (asked) => {
    const outcome = await run(asked)
    return ++calls === 1 ? { kind: 'unknown', reason: 'cut', stdout: '', stderr: '', durationMs: 1 } : outcome
  }
  expect(await runDetached(node, id, command('echo done'))).toMatchObject({ stdout: 'done\n' })
  expect(launched()).toBe(1)
})

test('still running at the deadline: unknown, and its unit is ended', async () => {
  const asked = command('sleep 3', { timeoutMs: 1_000 })
  await expect(runDetached(node, id, asked)).rejects.toThrow(OutcomeUnknown)
  await expect.poll(() => readReceipt(node, id), { timeout: 5_000 }).toMatchObject({ state: 'lost' })
})

test('switched off in the middle: lost, and not run again', async () => {
  const first = runDetached(node, id, command('sleep 1', { timeoutMs: 2_000 })).catch((e: unknown) => e)
  await expect.poll(() => readReceipt(node, id)).toMatchObject({ state: 'running' })
  await first
  // What a power-off leaves: the folder, without an exit code and without a unit.
  rmSync(join(node.varLib, 'cni-migrate/r1', folderOf(), 'rc'))
  await expect(runDetached(node, id, command('sleep 1', { timeoutMs: 2_000 }))).rejects.toThrow(/without an exit code/)
  expect(launched()).toBe(1)
})

const folderOf = () => readdirSync(join(node.varLib, 'cni-migrate/r1'))[0] ?? ''

test('never begun: null', async () => {
  expect(await readReceipt(node, id)).toBeNull()
})

test('what stands on the node is for root only, and the input is gone', async () => {
  await runDetached(node, id, command('cat >/dev/null', { stdin: 'secret' }))
  const folder = join(node.varLib, 'cni-migrate/r1', folderOf())
  for (const path of [join(node.varLib, 'cni-migrate'), folder]) expect(statSync(path).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(folder).filter((name) => name !== 'started'))
    expect(statSync(join(folder, name)).mode & 0o077).toBe(0)
  expect(readdirSync(folder).sort()).toEqual(['digest', 'rc', 'start', 'started', 'stderr', 'stdout'])
})

test('forgetting leaves nothing', async () => {
  await runDetached(node, id, command('true'))
  await forgetReceipts(node, 'r1')
  expect(readdirSync(node.varLib)).toEqual([])
})

test('unit names are words, and distinct tasks have distinct ones', () => {
  expect(unitName({ run: 'r1', task: 'stop' })).toBe('cni-migrate-r1-stop')
  expect(unitName({ run: 'r1', task: 'stop/n1' })).toMatch(/^cni-migrate-r1-stop_n1-[0-9a-f]{8}$/)
  expect(unitName({ run: 'r1', task: 'stop/n1' })).not.toBe(unitName({ run: 'r1', task: 'stop_n1' }))
})
