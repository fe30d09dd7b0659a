import { beforeEach, describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import {
  checkCronJobs,
  jobsUnderWay,
  resumeCronJobs,
  suspendCronJobs,
  suspendedByTests,
} from '../../src/operations/suspended-cronjobs.ts'
import { aJob, CronJobsApi } from './cronjobs-api.ts'

let api: CronJobsApi
beforeEach(() => {
  api = new CronJobsApi()
})

test('what was suspended is resumed, and nothing else is touched', async () => {
  const before = structuredClone(api.jobs)
  await suspendCronJobs(api.kube, ['infra/often', 'infra/seldom'])
  expect(api.running()).toEqual([])
  expect(await suspendedByTests(api.kube)).toEqual(['infra/often', 'infra/seldom'])
  expect(await resumeCronJobs(api.kube)).toEqual(['infra/often', 'infra/seldom'])
  expect(api.jobs).toEqual(before)
})

test('killed between two of them: what is marked is exactly what is suspended, and comes back', async () => {
  const before = structuredClone(api.jobs)
  api.dies = 1
  await expect(suspendCronJobs(api.kube, ['infra/often', 'infra/seldom'])).rejects.toThrow('connection refused')
  expect(api.running()).toEqual(['infra/seldom'])
  api.dies = Number.POSITIVE_INFINITY
  expect(await resumeCronJobs(api.kube)).toEqual(['infra/often'])
  expect(api.jobs).toEqual(before)
  expect(await resumeCronJobs(api.kube)).toEqual([])
})

describe('before anything is changed', () => {
  test.each([
    ['infra/nobody', 'there is no CronJob infra/nobody'],
    ['infra/asleep', 'infra/asleep is suspended already'],
    ['often', '"often" is not namespace/name'],
    ['infra/$(reboot)', '"infra/$(reboot)" is not namespace/name'],
  ])('%s is refused', async (name, message) => {
    const refusal = checkCronJobs(api.kube, ['infra/often', name])
    await expect(refusal).rejects.toThrow(InputError)
    await expect(refusal).rejects.toThrow(message)
    expect(api.patches).toBe(0)
  })

  test('those that run are fine', async () => {
    await expect(checkCronJobs(api.kube, ['infra/often', 'infra/seldom'])).resolves.toBeUndefined()
  })
})

test('jobs under way: of these CronJobs, and with pods', async () => {
  api.underWay = [
    aJob('infra', 'often-1', 'often', 1),
    aJob('infra', 'often-0', 'often'),
    aJob('shop', 'often-1', 'often', 1),
    aJob('infra', 'seldom-1', 'seldom', 1),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace: 'infra', name: 'by-hand' }, status: { active: 1 } },
  ]
  expect(await jobsUnderWay(api.kube, ['infra/often'])).toEqual(['infra/often-1'])
})
