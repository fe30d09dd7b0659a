import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { down, type Lab, up } from '../../src/lab/lab.ts'
import { controlledTestSchema } from '../../src/report/controlled-test-report.ts'
import { objectsOf, onNode } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'

const name = 'ev-diagnosis'
let lab: Lab
let jobs: string[]
let scratch: string
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'controlled-test-'))
  lab = await up({ name, scenario: 'reject-gap' })
  jobs = [...(await cronJobs()).keys()]
})
afterAll(async () => {
  await down(name)
  rmSync(scratch, { recursive: true })
})

const jobSchema = z.looseObject({ spec: z.looseObject({ suspend: z.boolean().optional() }) })

/** `namespace/name` of each CronJob, and whether it is suspended and by whom. */
async function cronJobs(): Promise<Map<string, string>> {
  const objects = (await objectsOf(lab)).filter(({ kind }) => kind === 'CronJob')
  return new Map(
    objects.map((object) => {
      const mark = object.metadata.annotations?.['cni-migrate.io/suspended'] ?? ''
      const { spec } = jobSchema.parse(object)
      return [`${object.metadata.namespace}/${object.metadata.name}`, `${spec.suspend ?? false} ${mark}`.trim()]
    }),
  )
}
const all = (state: string) => new Map(jobs.map((job) => [job, state]))

/** Servers that will resume by themselves. */
async function timers(): Promise<string[]> {
  const servers = lab.nodes.filter(({ role }) => role === 'server')
  const script = 'systemctl is-active cni-migrate-resume-cronjobs.timer || :'
  const states = await Promise.all(servers.map(({ name: node }) => onNode(lab, node, script)))
  return servers.flatMap(({ name: node }, index) => (states[index]?.trim() === 'active' ? [node] : []))
}

/** Starts a test and ends it as soon as all of them are suspended. */
async function ended(how: 'SIGINT' | 'SIGKILL') {
  const pidFile = join(scratch, 'pid')
  const script = 'echo $$ > "$0"; exec migrate diagnose --suspend-cronjobs "$1" --duration 5s --for 1h'
  const env = { MIGRATE_INVENTORY: lab.inventoryFile }
  const running = lab.run(['sh', '-c', script, pidFile, jobs.join(',')], { env })
  await expect.poll(cronJobs, { timeout: 120_000, interval: 500 }).toEqual(all('true controlled-test'))
  process.kill(Number(readFileSync(pidFile, 'utf8')), how)
  return await running
}

test('Ctrl-C while they are suspended: they run again before it ends', async () => {
  const { stderr } = await ended('SIGINT')
  expect(stderr).toContain(`Resumed: ${jobs.toSorted().join(', ')}`)
  expect(await cronJobs()).toEqual(all('false'))
  expect(await timers()).toEqual([])
})

describe('killed while they are suspended', () => {
  test('they are marked, each server has its timer, and whoever looks next is told', async () => {
    await ended('SIGKILL')
    expect(await cronJobs()).toEqual(all('true controlled-test'))
    expect(await timers()).toEqual(lab.nodes.filter(({ role }) => role === 'server').map((node) => node.name))
    const { stderr } = await migrate(lab, ['preflight'])
    expect(stderr).toContain(`a controlled test has suspended ${jobs.join(', ')}`)
    expect(stderr).toContain('migrate diagnose --restore')
  })

  test('--restore resumes exactly those, and takes the timers away', async () => {
    expect(await mustMigrate(lab, 'diagnose', '--restore')).toContain(`Resumed: ${jobs.toSorted().join(', ')}`)
    expect(await cronJobs()).toEqual(all('false'))
    expect(await timers()).toEqual([])
    expect(await mustMigrate(lab, 'diagnose', '--restore')).toContain('Nothing was suspended')
  })

  test('with nobody there a server resumes them by itself', async () => {
    await ended('SIGKILL')
    const [server = ''] = await timers()
    // What the timer does when its time has come.
    await onNode(lab, server, 'systemctl start cni-migrate-resume-cronjobs.service')
    await expect.poll(cronJobs, { timeout: 20_000 }).toEqual(all('false'))
    await mustMigrate(lab, 'diagnose', '--restore')
    expect(await timers()).toEqual([])
  })
})

test('a test of its whole length: compared, and all is as it was', async () => {
  const said = await mustMigrate(
    lab,
    ...['diagnose', '--json', '--suspend-cronjobs', jobs.join(','), '--duration', '60s', '--for', '60s'],
  )
  const report = controlledTestSchema.parse(JSON.parse(said))
  expect(report.cronJobs).toEqual(jobs)
  expect(report.changes.during).toBeLessThan(report.changes.before)
  expect(report.failures?.during).toBeLessThan(report.failures?.before ?? 0)
  expect(await cronJobs()).toEqual(all('false'))
  expect(await timers()).toEqual([])
})

test('what is not there is refused before anything is changed', async () => {
  const { code, stderr } = await migrate(lab, ['diagnose', '--suspend-cronjobs', 'infra/nobody'])
  expect(code).toBe(2)
  expect(stderr).toContain('there is no CronJob infra/nobody')
  expect(await cronJobs()).toEqual(all('false'))
})
