import { beforeEach, describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { suspendedAnnotation } from '../../src/facts/kube.ts'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import {
  checkCronJobs,
  jobsUnderWay,
  resumeCronJobs,
  suspendCronJobs,
  suspendedByTests,
} from '../../src/operations/controlled-test.ts'

interface Job {
  suspend: boolean
  annotations: Record<string, string>
}

/** CronJobs by `namespace/name`, behind as much of the API as is used. `dies`: after so many patches nothing answers. */
let jobs: Map<string, Job>
let patches = 0
let dies = Number.POSITIVE_INFINITY

const kube = {
  async list() {
    return [...jobs].map(([title, { suspend, annotations }]): KubeObject => {
      const [namespace = '', name = ''] = title.split('/')
      return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { namespace, name, annotations }, spec: { suspend } }
    })
  },
  async patch(_kind: object, name: string, namespace: string, patch: object) {
    if (patches++ >= dies) throw new Error('connection refused')
    const { metadata, spec } = patch as {
      metadata: { annotations: Record<string, string | null> }
      spec: { suspend: boolean }
    }
    const job = jobs.get(`${namespace}/${name}`)
    if (!job) throw new Error('not found')
    job.suspend = spec.suspend
    for (const [key, value] of Object.entries(metadata.annotations))
      if (value === null) delete job.annotations[key]
      else job.annotations[key] = value
  },
} as unknown as KubeApi

beforeEach(() => {
  patches = 0
  dies = Number.POSITIVE_INFINITY
  jobs = new Map([
    ['infra/often', { suspend: false, annotations: {} }],
    ['infra/seldom', { suspend: false, annotations: { note: 'kept' } }],
    ['infra/asleep', { suspend: true, annotations: {} }],
    ['infra/of-a-run', { suspend: true, annotations: { [suspendedAnnotation]: 'true' } }],
  ])
})

const running = () => [...jobs].filter(([, { suspend }]) => !suspend).map(([title]) => title)

test('what was suspended is resumed, and nothing else is touched', async () => {
  const before = structuredClone(jobs)
  await suspendCronJobs(kube, ['infra/often', 'infra/seldom'])
  expect(running()).toEqual([])
  expect(await suspendedByTests(kube)).toEqual(['infra/often', 'infra/seldom'])
  expect(await resumeCronJobs(kube)).toEqual(['infra/often', 'infra/seldom'])
  expect(jobs).toEqual(before)
})

test('killed between two of them: what is marked is exactly what is suspended, and comes back', async () => {
  const before = structuredClone(jobs)
  dies = 1
  await expect(suspendCronJobs(kube, ['infra/often', 'infra/seldom'])).rejects.toThrow('connection refused')
  expect(running()).toEqual(['infra/seldom'])
  dies = Number.POSITIVE_INFINITY
  expect(await resumeCronJobs(kube)).toEqual(['infra/often'])
  expect(jobs).toEqual(before)
  expect(await resumeCronJobs(kube)).toEqual([])
})

describe('before anything is changed', () => {
  test.each([
    ['infra/nobody', 'there is no CronJob infra/nobody'],
    ['infra/asleep', 'infra/asleep is suspended already'],
    ['often', '"often" is not namespace/name'],
    ['infra/$(reboot)', '"infra/$(reboot)" is not namespace/name'],
  ])('%s is refused', async (name, message) => {
    const refusal = checkCronJobs(kube, ['infra/often', name])
    await expect(refusal).rejects.toThrow(InputError)
    await expect(refusal).rejects.toThrow(message)
    expect(patches).toBe(0)
  })

  test('those that run are fine', async () => {
    await expect(checkCronJobs(kube, ['infra/often', 'infra/seldom'])).resolves.toBeUndefined()
  })
})

test('jobs under way: of these CronJobs, and with pods', async () => {
  const job = (namespace: string, name: string, owner: string, active?: number): KubeObject => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace, name, ...{ ownerReferences: [{ kind: 'CronJob', name: owner }] } },
    status: active === undefined ? {} : { active },
  })
  const list = [
    job('infra', 'often-1', 'often', 1),
    job('infra', 'often-0', 'often'),
    job('shop', 'often-1', 'often', 1),
    job('infra', 'seldom-1', 'seldom', 1),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace: 'infra', name: 'by-hand' }, status: { active: 1 } },
  ]
  const api = { list: async () => list } as unknown as KubeApi
  expect(await jobsUnderWay(api, ['infra/often'])).toEqual(['infra/often-1'])
})
