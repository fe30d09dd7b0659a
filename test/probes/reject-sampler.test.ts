import { expect, test } from 'vitest'
import { UnreachableError } from '../../src/nodes/errors.ts'
import type { Command, Node, Outcome } from '../../src/nodes/node.ts'
import { sampleRejects } from '../../src/probes/reject-sampler.ts'

const chain = 'KUBE-POD-FW-AAAAAAAAAAAAAAAA'
const renamed = 'KUBE-POD-FW-BBBBBBBBBBBBBBBB'

/** A clock that only moves when somebody sleeps, and a node whose clock is `offsetMs` ahead of it. */
function scene(slices: ((nodeMs: number, command: Command) => string | Outcome | Error)[], offsetMs = 0) {
  let nowMs = 1_795_245_158_000
  const clock = {
    nowMs: () => nowMs,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted()
      nowMs += ms
    },
  }
  const commands: Command[] = []
  const node: Node = {
    name: 'n1',
    connect: () => Promise.reject(new Error('not used')),
    reconnect: () => Promise.reject(new Error('not used')),
    async run(command) {
      commands.push(command)
      const beginMs = nowMs + offsetMs
      nowMs += Number(command.argv.at(-3))
      const answer = slices[Math.min(commands.length, slices.length) - 1]?.(beginMs, command) ?? ''
      if (answer instanceof Error) throw answer
      if (typeof answer !== 'string') return answer
      return { kind: 'exited', code: 0, stdout: answer, stderr: '', durationMs: 1 }
    },
  }
  return { node, clock, commands, startMs: nowMs }
}

const sampled = (atMs: number, count: number, name = chain, cpuMs = 10) =>
  [
    `begin ${atMs}`,
    `sample ${atMs} ${cpuMs} new`,
    `G ip-nft KUBE-NWPLCY-A/${name}/2`,
    'L ip-nft',
    ...(count > 0 ? [`R ip-nft ${name} ${count} shop web-0`] : []),
    '.',
    `end ${atMs + 4000} ${atMs + 5000}`,
    '',
  ].join('\n')

test('slices are one series, in the times of the operator', async () => {
  const { node, clock, commands, startMs } = scene(
    [(at) => sampled(at, 100), (at) => sampled(at, 104), (at) => sampled(at, 3, renamed)],
    90_000,
  )
  const told: unknown[] = []
  const found = await sampleRejects(node, { clock, durationMs: 15_000, onSample: (progress) => told.push(progress) })
  expect(found.samplesMs.length).toBe(3)
  expect(found.rejects).toEqual([
    {
      namespace: 'shop',
      pod: 'web-0',
      increments: [
        [found.samplesMs[1], 4],
        [found.samplesMs[2], 3],
      ],
    },
  ])
  expect(found.reconcilesMs).toEqual([found.samplesMs[2]])
  expect(Math.abs((found.samplesMs[0] ?? 0) - startMs)).toBeLessThanOrEqual(5_000)
  expect(found.problem).toBeNull()
  expect(told.at(-1)).toEqual({ samples: 3, rejects: 7, reconciles: 1 })
  expect(commands.every((command) => command.mode === 'read')).toBe(true)
  // What was spent before, so that the node can keep to its share.
  expect(commands.map((command) => command.argv.at(-2))).toEqual(['0', '10', '20'])
})

test('a connection that is lost: what was said counts, the time without is told, and it goes on', async () => {
  const lost: Outcome = {
    kind: 'unknown',
    reason: 'the connection was lost',
    stdout: sampled(1_795_245_158_000, 100).replace(/end .*\n/, ''),
    stderr: '',
    durationMs: 1,
  }
  const { node, clock } = scene([() => lost, () => new UnreachableError('n1: no route'), (at) => sampled(at, 130)])
  const found = await sampleRejects(node, { clock, durationMs: 16_000 })
  expect(found.rejects[0]?.increments.map(([, count]) => count)).toEqual([30])
  expect(found.problem).toMatch(/^n1: not reached for 7 s of it: n1: no route$/)
})

test('a node that cannot: its words, and no second try', async () => {
  const refused: Outcome = { kind: 'exited', code: 4, stdout: '', stderr: 'no iptables-save', durationMs: 1 }
  const { node, clock, commands } = scene([() => refused])
  const found = await sampleRejects(node, { clock, durationMs: 60_000 })
  expect(found).toMatchObject({ node: 'n1', samplesMs: [], rejects: [] })
  expect(found.problem).toContain('no iptables-save')
  expect(commands).toHaveLength(1)
})

test('ended early, it keeps what was seen', async () => {
  const stop = new AbortController()
  const { node, clock } = scene([
    (at) => sampled(at, 1),
    (at) => {
      stop.abort()
      return sampled(at, 5)
    },
  ])
  const found = await sampleRejects(node, { clock, durationMs: 600_000, signal: stop.signal })
  expect(found.samplesMs).toHaveLength(1)
  expect(found.problem).toBeNull()
})

test('an empty chain of an old version is no gap, one of a version that logs is', async () => {
  const gap = (logs: boolean) => (atMs: number) =>
    [`begin ${atMs}`, `sample ${atMs} 1 new`, 'G ip-nft a/b/2', `E ip-nft ${chain} shop web-0`]
      .concat(logs ? ['L ip-nft'] : [], ['.', `end ${atMs + 1} ${atMs + 5000}`, ''])
      .join('\n')
  const old = scene([gap(false)])
  expect((await sampleRejects(old.node, { clock: old.clock, durationMs: 15_000 })).gaps).toEqual([])
  // The first sample hits the gap itself, in which no chain has a rule: the second tells.
  const recent = scene([gap(false), gap(true)])
  expect((await sampleRejects(recent.node, { clock: recent.clock, durationMs: 15_000 })).gaps).toMatchObject([
    { namespace: 'shop', pod: 'web-0', what: 'policy-chain-empty' },
  ])
})
