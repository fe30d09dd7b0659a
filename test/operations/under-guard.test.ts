import { beforeEach, describe, expect, test } from 'vitest'
import { isInDoubt } from '../../src/engine/in-doubt.ts'
import type { TaskContext } from '../../src/engine/model.ts'
import { FailedError } from '../../src/errors.ts'
import { guardMs, underGuard } from '../../src/operations/under-guard.ts'
import { FakeGuards, noting } from './fake-guards.ts'

const nodes = ['a', 'b']
const scope = { agent: true, tables: [] }
let guards: FakeGuards
let notes: Map<string, string>
const under = (work: (task: TaskContext) => Promise<void>, release?: boolean) =>
  underGuard({ guards, clock: guards.clock }, nodes, scope, noting(notes), work, release)

beforeEach(() => {
  guards = new FakeGuards()
  notes = new Map()
})

describe('a step that goes well', () => {
  test('is armed on every node before it is begun, and disarmed when it is over', async () => {
    await under(async () => {
      expect([...guards.armed.keys()]).toEqual(nodes)
      guards.calls.push('work')
    })
    expect(guards.acts()).toEqual(['arm a', 'arm b', 'release a', 'release b', 'work', 'disarm a', 'disarm b'])
    expect(notes).toEqual(new Map())
  })

  test('may take longer than the guards, which are renewed meanwhile', async () => {
    await under(() => guards.clock.sleep(5 * guardMs))
    expect(guards.receipts.size).toBe(0)
    expect(guards.armed.size).toBe(0)
  })
})

test.each([
  { hangMs: 0, slowMs: 0, how: 'is told at once' },
  { hangMs: 15_000, slowMs: 0, how: 'hangs' },
  { hangMs: 70_000, slowMs: 0, how: 'hangs for longer than we wait' },
  { hangMs: 15_000, slowMs: 9_000, how: 'hangs, and every answer takes its time' },
])('a node that is lost, whoever tries it $how: the step is let go before its guard fires, and what it did is noted', async ({
  hangMs,
  slowMs,
}) => {
  Object.assign(guards, { hangMs, slowMs })
  let letGoMs = Number.POSITIVE_INFINITY
  let cutMs = 0
  const lost = under(async ({ signal }) => {
    signal.addEventListener('abort', () => {
      letGoMs = guards.clock.nowMs()
    })
    await guards.clock.sleep(25_000)
    cutMs = guards.clock.nowMs()
    guards.cut.add('a')
    await new Promise(() => {})
  })
  const passing = (async () => {
    while (guards.receipts.size < nodes.length) {
      guards.pass()
      await guards.clock.sleep(1_000)
    }
  })()
  const error: unknown = await lost.catch((thrown: unknown) => thrown)
  await passing
  expect(isInDoubt(error)).toBe(true)
  expect(error).toMatchObject({ message: expect.stringMatching(/^a has not answered for 60 s.*: a, b$/) })
  const firedMs = guards.receipts.get('a')?.atMs ?? 0
  // Also what was sent last has come to its end by then.
  expect(firedMs - letGoMs).toBeGreaterThanOrEqual(guardMs / 2)
  expect(firedMs - cutMs, 'P6').toBeLessThanOrEqual(guardMs)
  expect([...notes.keys()].map((key) => key.split(' ')[1]).sort()).toEqual(nodes)
  expect([...notes.values()].sort()[0]).toMatch(
    /^a: its guard fired at .* UTC; done: set eth0 up, hold Cilium's agent down; .*resume/,
  )
})

test('nodes that take long to be armed: what has passed since the first was armed counts', async () => {
  const arm = guards.arm.bind(guards)
  guards.arm = async (node, ...more) => {
    if (node === 'b') await guards.clock.sleep(50_000)
    return await arm(node, ...more)
  }
  let letGoMs = 0
  const lost = under(async ({ signal }) => {
    signal.addEventListener('abort', () => {
      letGoMs = guards.clock.nowMs()
    })
    guards.cut.add('a')
    await new Promise(() => {})
  })
  const due = guards.clock.nowMs() + guardMs
  const passing = (async () => {
    while (guards.receipts.size < nodes.length) {
      guards.pass()
      await guards.clock.sleep(1_000)
    }
  })()
  await lost.catch(() => {})
  await passing
  expect(due - letGoMs).toBeGreaterThanOrEqual(guardMs / 2)
})

describe('after guards have fired', () => {
  beforeEach(async () => {
    await under(async () => {
      throw new FailedError('it did not work')
    }).catch(() => {})
    await guards.clock.sleep(guardMs)
    guards.pass()
    guards.calls.length = 0
  })

  test('a step that failed had left them to fire, on every node', () => {
    expect([...guards.receipts.keys()]).toEqual(nodes)
    expect([...guards.held]).toEqual(nodes)
  })

  test('it is noted once, guards are armed anew, and only under them agents are let go of: one may cut its node off at once', async () => {
    await under(async () => {
      expect([...guards.held]).toEqual([])
      expect([...guards.armed.keys()]).toEqual(nodes)
    })
    expect(notes.size).toBe(2)
    expect(guards.acts().filter((call) => call.endsWith(' a'))).toEqual(['forget a', 'arm a', 'release a', 'disarm a'])
  })

  test('whoever undoes without the agents keeps them down', async () => {
    await under(async () => expect([...guards.held]).toEqual(nodes), false)
    expect([...guards.held]).toEqual(nodes)
    expect(guards.armed.size).toBe(0)
  })

  test('whoever was interrupted between noting and forgetting notes nothing twice', async () => {
    guards.cut.add('b')
    await under(async () => {}).catch(() => {})
    const before = new Map(notes)
    guards.cut.clear()
    await under(async () => {})
    expect(notes.get([...before.keys()][0] ?? '')).toBe([...before.values()][0])
    expect(notes.size).toBe(2)
  })
})

test('a step that cannot be guarded everywhere is not begun, and leaves no guard behind', async () => {
  let begun = false
  const arm = guards.arm.bind(guards)
  guards.arm = async (node, ...more) => {
    if (node === 'b') throw new FailedError('no systemd-run')
    return await arm(node, ...more)
  }
  const failed = under(async () => {
    begun = true
  })
  await expect(failed).rejects.toThrow('no systemd-run')
  expect(begun).toBe(false)
  expect(guards.armed.size).toBe(0)
})

test('a step that fails otherwise: its error stays, and says what the guards will do', async () => {
  const failed = under(async () => {
    throw new FailedError('the chart is broken')
  })
  await expect(failed).rejects.toMatchObject({
    message: 'the chart is broken',
    context: { next: expect.stringContaining('the guards of a, b') },
  })
  expect([...guards.armed.keys()], 'only what was verified is disarmed').toEqual(nodes)
})

test('a step that is let go of by the engine is renewed no longer', async () => {
  const deadline = new AbortController()
  const task = noting(notes, deadline.signal)
  underGuard({ guards, clock: guards.clock }, nodes, scope, task, () => new Promise(() => {})).catch(() => {})
  await guards.clock.sleep(3 * guardMs)
  guards.pass()
  expect(guards.receipts.size).toBe(0)
  deadline.abort()
  await guards.clock.sleep(guardMs)
  guards.pass()
  expect([...guards.receipts.keys()]).toEqual(nodes)
})
