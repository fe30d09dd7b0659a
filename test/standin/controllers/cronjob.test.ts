import { describe, expect, it } from 'vitest'
import { cronJobs, isDue } from '../../../src/lab/standin/controllers/cronjob.ts'
import { ownerOf } from '../../../src/lab/standin/controllers/model.ts'
import { object, viewOf } from './view.ts'

describe('isDue', () => {
  it.each([
    ['* * * * *', '2026-01-01T00:07:00Z', true],
    ['*/5 * * * *', '2026-01-01T00:10:00Z', true],
    ['*/5 * * * *', '2026-01-01T00:11:00Z', false],
    ['0 3 * * 1-5', '2026-01-01T03:00:00Z', true],
    ['0 3 * * 1-5', '2026-01-03T03:00:00Z', false],
    ['1,31 * 1 * *', '2026-01-01T05:31:00Z', true],
    ['10-20/5 * * * *', '2026-01-01T05:15:00Z', true],
    ['bad', '2026-01-01T00:00:00Z', false],
  ])('%s at %s: %s', (schedule, at, expected) => {
    expect(isDue(schedule, new Date(at))).toBe(expected)
  })
})

describe('cronJobs', () => {
  const spec = {
    schedule: '*/5 * * * *',
    concurrencyPolicy: 'Allow',
    successfulJobsHistoryLimit: 1,
    failedJobsHistoryLimit: 1,
    jobTemplate: { spec: { template: {} } },
  }
  const cron = (more: object = {}, status: object = {}) =>
    object('CronJob', 'report', { spec: { ...spec, ...more }, status })
  const created = (cronJob: ReturnType<typeof cron>, jobs: ReturnType<typeof cron>[] = []) =>
    cronJobs(viewOf({ cronjobs: [cronJob], jobs })).filter((action) => action.do === 'create')

  it('makes one job when due, named for the minute, and remembers when', () => {
    const actions = cronJobs(viewOf({ cronjobs: [cron()] }))
    expect(actions[0]).toMatchObject({
      do: 'create',
      object: { metadata: { name: `report-${Date.parse('2026-01-01T12:00:00Z') / 60_000}` } },
    })
    expect(actions[1]).toMatchObject({ do: 'status', status: { lastScheduleTime: '2026-01-01T12:00:00Z' } })
    expect(created(cron({}, { lastScheduleTime: '2026-01-01T12:00:00Z' }))).toEqual([])
  })
  it('makes none when suspended, nor when one is running and may not be joined', () => {
    expect(created(cron({ suspend: true }))).toEqual([])
    const forbidding = cron({ concurrencyPolicy: 'Forbid' })
    expect(created(forbidding, [object('Job', 'old', {}, { ownerReferences: ownerOf(forbidding) })])).toEqual([])
  })
  it('keeps as many finished jobs as it is told', () => {
    const cronJob = cron({ suspend: true })
    const done = (name: string, at: string) =>
      object(
        'Job',
        name,
        { status: { conditions: [{ type: 'Complete', status: 'True' }] } },
        { ownerReferences: ownerOf(cronJob), creationTimestamp: at },
      )
    const view = viewOf({
      cronjobs: [cronJob],
      jobs: [done('new', '2026-01-01T11:55:00Z'), done('old', '2026-01-01T11:50:00Z')],
    })
    expect(cronJobs(view)).toMatchObject([{ do: 'delete', name: 'old' }])
  })
})
