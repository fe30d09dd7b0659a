import { beforeEach, expect, test } from 'vitest'
import { FailedError } from '../../src/errors.ts'
import type { Command, Node } from '../../src/nodes/node.ts'
import { type ControlledTestOptions, controlledTest, type TestStage } from '../../src/operations/controlled-test.ts'
import { someEvidence } from '../probes/some-evidence.ts'
import { aJob, CronJobsApi } from './cronjobs-api.ts'

const cronJobs = ['infra/often', 'infra/seldom']
let api: CronJobsApi
let stop: AbortController
/** What was told, and what was seen by whoever watched meanwhile. */
let told: string[]
/** What became of the server's timer. */
let asked: string[]
let nowMs: number
beforeEach(() => {
  api = new CronJobsApi()
  stop = new AbortController()
  told = []
  asked = []
  nowMs = 0
})

const server = {
  name: 's1',
  async run({ stdin }: Command) {
    asked.push(String(stdin).includes('systemd-run') ? 'arm' : 'disarm')
    return { kind: 'exited', code: 0, stdout: '', stderr: '', durationMs: 1 }
  },
} as unknown as Node

function options(over: Partial<ControlledTestOptions> = {}): ControlledTestOptions {
  return {
    kube: api.kube,
    servers: [server],
    cronJobs,
    forMs: 60_000,
    clock: {
      nowMs: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms
      },
    },
    async watch(again) {
      told.push(`${again ? 'watched again' : 'watched'} with ${api.running().join(' and ') || 'none'} running`)
      return { evidence: someEvidence([]), early: false }
    },
    stop: stop.signal,
    tell: ({ stage, names }: TestStage) => told.push(`${stage} ${names.join(' ')}`),
    ...over,
  }
}

test('watched as it is, then without the CronJobs, which run again afterwards', async () => {
  api.underWay = [aJob('infra', 'often-1', 'often', 1)]
  const result = await controlledTest(
    options({
      clock: {
        nowMs: () => nowMs,
        sleep: async () => {
          api.underWay = []
        },
      },
    }),
  )
  expect(result.cronJobs).toEqual(cronJobs)
  expect(told).toEqual([
    'watching infra/often infra/seldom',
    'watched with infra/often and infra/seldom running',
    'suspended infra/often infra/seldom',
    'waiting infra/often-1',
    'watched again with none running',
    'resumed infra/often infra/seldom',
  ])
  expect(asked).toEqual(['disarm', 'arm', 'disarm'])
})

test('Ctrl-C while it is watched as it is: nothing is suspended', async () => {
  const watch = async () => ({ evidence: someEvidence([]), early: true })
  await expect(controlledTest(options({ watch }))).rejects.toThrow('ended before anything was suspended')
  expect(api.patches).toBe(0)
  expect(asked).toEqual(['disarm'])
})

test('Ctrl-C while what they have begun is waited for: resumed and said, and nothing more is watched', async () => {
  api.underWay = [aJob('infra', 'often-1', 'often', 1)]
  const sleep = async () => stop.abort()
  const ended = controlledTest(options({ clock: { nowMs: () => nowMs, sleep } }))
  await expect(ended).rejects.toThrow('ended before anything was watched without the CronJobs')
  expect(told.at(-1)).toBe('resumed infra/often infra/seldom')
  expect(api.running()).toEqual(cronJobs)
  expect(asked.at(-1)).toBe('disarm')
})

test('ended while they are suspended, by whatever: resumed and said', async () => {
  const watch: ControlledTestOptions['watch'] = async (again) => {
    if (again) throw new FailedError('a second Ctrl-C')
    return { evidence: someEvidence([]), early: false }
  }
  await expect(controlledTest(options({ watch }))).rejects.toThrow('a second Ctrl-C')
  expect(told.at(-1)).toBe('resumed infra/often infra/seldom')
  expect(api.running()).toEqual(cronJobs)
})

test('what they have begun is waited for at most two minutes, and then told of', async () => {
  api.underWay = [aJob('infra', 'often-1', 'often', 1)]
  await controlledTest(options())
  expect(told).toContain('not-waited-for infra/often-1')
  expect(nowMs).toBe(120_000)
})

test('an API that is away at the end: who resumes them is said, and their timers stay', async () => {
  api.dies = cronJobs.length
  await expect(controlledTest(options())).rejects.toMatchObject({
    message: expect.stringContaining('the CronJobs could not be resumed: connection refused'),
    context: { next: expect.stringContaining('migrate diagnose --restore') },
  })
  expect(asked).toEqual(['disarm', 'arm'])
})

test('without a server that resumes them by itself nothing is suspended', async () => {
  const deaf = { ...server, run: () => Promise.reject(new FailedError('s1: no route')) }
  await expect(controlledTest(options({ servers: [deaf] }))).rejects.toThrow('no server can be told to resume')
  expect(api.patches).toBe(0)
})
