import { execFile, spawn as startProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { migrate } from '../../src/cli/program.ts'
import { digestOf } from '../../src/engine/digest.ts'
import { formatPlanFile } from '../../src/engine/plan-file.ts'
import { planFixture } from '../report/plan-fixture.ts'

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
const example = new URL('../../inventory/example.yaml', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  code: number
  stdout: string
  stderr: string
}

async function spawn(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { PATH = '' } = process.env
  const options = { cwd: folder, env: { PATH, TMPDIR: folder, ...env } }
  return await new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

const at = (name: string) => join(folder, name)

function file(name: string, text: string): string {
  writeFileSync(at(name), text, { mode: 0o600 })
  return at(name)
}

const bad = file(
  'bad.yaml',
  'cluster: {name: home}\nnodes:\n  - {name: s1, rol: server, address: 10.0.0.1}\ncilium: {version: 1.18.6}\n',
)
const hostile = file('hostile.yaml', 'cluster: {name: "\\e[2J\\a"}\n')

/** Calls that are wrong, and what must be said. All end with 2, say it in so many words, and show no stack. */
const wrong: [args: string[], said: string][] = [
  [['plan', '--bogus'], "unknown option '--bogus'"],
  [['nonsense'], "unknown command 'nonsense'"],
  [['plan', '--order', 'sideways'], 'Allowed choices are staged, seed'],
  [['plan', '--runbook', 'sideways'], 'Allowed choices are k3s-flannel-to-cilium, k3s-flannel-to-cilium-live'],
  [['plan', '--format', 'pdf'], 'Allowed choices are text, markdown, json'],
  [['run', 'a.json', 'b.json'], 'too many arguments'],
  [['status', '-i', at('none.yaml')], 'none.yaml cannot be read: there is no such file'],
  [['status', '-i', bad], 'bad.yaml:3:16 nodes[0].rol: there is no such key. Did you mean "role"?'],
  [['-i', bad, 'status'], 'bad.yaml:3:5 nodes[0].role: is missing; expected "server" or "agent"'],
  [['plan', '-i', hostile], 'found "\\u001b[2J\\u0007"'],
  [['run', '-i', example, '--json'], '--json leaves no room for questions'],
  [['resume', '--yes', '-i', example, '--state-dir', at('state')], 'there is no unfinished run of home'],
  [['rollback', '--yes', '-i', example, '--state-dir', at('state')], 'that could be rolled back'],
  [['verify', '-i', example, '--state-dir', at('state')], 'recorded anything to compare with'],
  [['plan', '-i', example, '--facts', at('none.json')], 'none.json is no facts file: ENOENT'],
  [['plan', '-i', example, '--facts', file('f.json', '{"format": 2}')], 'f.json: format: '],
  [['plan', '-i', example, '--facts', 'a', '--save-facts', 'b'], '--facts and --save-facts together'],
]

describe('a call that is wrong', () => {
  test.each(wrong)('%j', async (args, said) => {
    let all = ''
    const catchText = (text: unknown) => {
      all += String(text)
      return true
    }
    vi.spyOn(process.stdout, 'write').mockImplementation(catchText)
    vi.spyOn(process.stderr, 'write').mockImplementation(catchText)
    const code = await migrate(args).finally(() => vi.restoreAllMocks())
    expect(all).toContain(said)
    expect(code).toBe(2)
    expect(all).not.toMatch(/^\s+at .*:\d+:\d+/m)
    expect(all).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })

  test.concurrent('without a terminal nobody is asked: --yes must say so', async () => {
    const { code, stdout, stderr } = await spawn(['run', '-i', example])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe(
      'error: there is no terminal to ask questions at, and --yes was not given\n' +
        '  next: migrate run --yes does every step as planned, unasked.\n',
    )
  })
})

test('run refuses a plan that is blocked, naming each reason, before anything of a run is written', async () => {
  const inventory = file(
    'small.yaml',
    'cluster: {name: home}\nnodes: [{name: s1, role: server, address: 10.0.0.1}]\ncilium: {version: 1.18.6}\n',
  )
  const facts = {}
  const plan = {
    ...planFixture,
    factsDigest: digestOf(facts),
    findings: [
      { level: 'blocks' as const, title: 'Disk', target: 's2', detail: 'full', fix: 'make room' },
      { level: 'unknown' as const, title: 'Clocks', detail: 'not told' },
      { level: 'fine' as const, title: 'Names', detail: 'resolve' },
    ],
  }
  const path = file('blocked.json', formatPlanFile({ plan, facts }))
  const { code, stdout, stderr } = await spawn(['run', path, '--yes', '-i', inventory, '--state-dir', 'blocked'])
  expect([code, stdout]).toEqual([3, ''])
  expect(stderr).toContain('s2: Disk: full (make room)\n  Clocks: not told\n')
  expect(stderr).not.toContain('Names')
  expect(existsSync(at('blocked'))).toBe(false)
})

test('who reads what is said may go: the call ends as it would have', async () => {
  const child = startProcess(process.execPath, [main, '--help'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (part) => {
    stderr += String(part)
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

describe('a call that is right', () => {
  test.concurrent('--version and --help end with 0', async () => {
    expect(await spawn(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    const help = await spawn(['--help'])
    expect(help.code).toBe(0)
    for (const command of ['preflight', 'plan', 'run', 'resume', 'rollback', 'verify', 'status', 'lab']) {
      expect(help.stdout).toContain(`\n  ${command} `)
    }
  })

  test.concurrent('status of a cluster that was never touched', async () => {
    const { code, stdout } = await spawn(['status', '-i', example, '--state-dir', 'state'])
    expect([code, stdout]).toEqual([0, 'No run of home yet. Next: migrate plan, then migrate run\n'])
  })

  test.concurrent('the inventory may be named by MIGRATE_INVENTORY, and is overruled by -i', async () => {
    expect((await spawn(['status', '--state-dir', 'state'], { MIGRATE_INVENTORY: example })).code).toBe(0)
    expect((await spawn(['status', '-i', bad], { MIGRATE_INVENTORY: example })).code).toBe(2)
  })

  test.concurrent('--json: everything on stdout is JSON, errors too', async () => {
    const fine = await spawn(['--json', '--state-dir', 'state', '-i', example, 'status'])
    expect(JSON.parse(fine.stdout)).toEqual({ kind: 'status', cluster: 'home', lock: null, runs: [] })
    const failed = await spawn(['status', '--json', '-i', bad])
    expect(JSON.parse(failed.stdout)).toMatchObject({
      kind: 'error',
      exitCode: 2,
      next: expect.stringContaining('bad.yaml'),
    })
    expect(failed.stderr).toContain(`error: ${bad}:3:5`)
  })
})
