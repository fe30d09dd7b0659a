import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Lab } from '../../src/lab/lab.ts'
import { baselineReportSchema } from '../../src/report/baseline-json.ts'
import { controlledTestSchema } from '../../src/report/controlled-test-report.ts'
import { verifiedSchema } from '../../src/report/verify-json.ts'
import { freshLab, takeDown } from './support/fresh-lab.ts'
import { objectsOf } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'
import { symptomOf } from './support/symptoms.ts'

// The report's cluster from the first look to the proof: one story, so one lab and these tests in their order.
const name = 'home'
const jobs = ['infra/home-ip-updater', 'monitoring/agilepoker-to-loki', 'monitoring/cloudfront-to-loki']
let lab: Lab
let scratch: string

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'home-'))
  lab = await freshLab({ name, scenario: 'home' })
  await symptomOf(lab)
})
afterAll(async () => {
  await takeDown(name)
  rmSync(scratch, { recursive: true })
})

const jobSchema = z.looseObject({ spec: z.looseObject({ suspend: z.boolean().optional() }) })

async function suspended(): Promise<string[]> {
  const objects = (await objectsOf(lab)).filter(({ kind }) => kind === 'CronJob')
  const those = objects.filter((object) => jobSchema.parse(object).spec.suspend === true)
  return those.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort()
}

test('the baseline shows failures that come together, and REJECT counters that rise', async () => {
  const { evidence } = baselineReportSchema.parse(
    JSON.parse(await mustMigrate(lab, 'baseline', '--duration', '8m', '--json')),
  )
  const refused = evidence.rejects
    .flatMap(({ rejects }) => rejects)
    .filter(({ pod }) => pod.startsWith('homeassistant-'))
  const increments = refused.flatMap((one) => one.increments).filter(([, packets]) => packets > 0)
  expect(increments.length).toBeGreaterThan(5)
  const { diagnoses } = JSON.parse(await mustMigrate(lab, 'diagnose', '--duration', '60s', '--json'))
  // A minute holds a burst or two: whether pairs without a policy fare better may then be within the intervals.
  expect(diagnoses[0]).toMatchObject({ rule: 'reject-gap', confidence: expect.stringMatching(/^(certain|likely)$/) })
})

test('while the three CronJobs are suspended fewer attempts fail, and then they run again', async () => {
  // A few of the bursts that come with each churn: what they are worth is told by the verdict, the shares tell the direction.
  const times = ['--duration', '4m', '--for', '4m']
  const said = await mustMigrate(lab, 'diagnose', '--json', '--suspend-cronjobs', jobs.join(','), ...times)
  const { failures, rejects } = controlledTestSchema.parse(JSON.parse(said))
  expect(failures?.during, said).toBeLessThan((failures?.before ?? 0) / 2)
  expect(rejects?.during, said).toBeLessThan((rejects?.before ?? 0) / 2)
  expect(await suspended()).toEqual([])
})

test('killed while they are suspended: undone by whoever comes next', async () => {
  const pidFile = join(scratch, 'pid')
  const script = 'echo $$ > "$0"; exec migrate diagnose --suspend-cronjobs "$1" --duration 5s --for 1h'
  const env = { MIGRATE_INVENTORY: lab.inventoryFile }
  const running = lab.run(['sh', '-c', script, pidFile, jobs.join(',')], { env })
  await expect.poll(suspended, { timeout: 120_000, interval: 500 }).toEqual(jobs)
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
  await running
  expect(await suspended()).toEqual(jobs)
  await mustMigrate(lab, 'diagnose', '--restore')
  expect(await suspended()).toEqual([])
})

test('after the move it is fixed, with intervals that do not overlap', async () => {
  await mustMigrate(lab, 'run', '--yes')
  const { code, stdout, stderr } = await migrate(lab, ['verify', '--duration', '8m', '--json'])
  const parsed = verifiedSchema.safeParse(JSON.parse(stdout))
  if (!parsed.success) throw new Error(`verify ended with ${code} and said ${stdout.slice(0, 2_000)}${stderr}`)
  const { compared, findings } = parsed.data
  const bad = findings.filter(({ level }) => level === 'blocks')
  expect(
    code,
    `${stderr}\n${JSON.stringify({ bad, pairs: compared?.pairs.filter((one) => one.verdict === 'worse') })}`,
  ).toBe(0)
  expect(compared?.failures, JSON.stringify(compared?.failures)).toMatchObject({ change: 'fixed', overlap: false })
  expect(compared?.rejects).toMatchObject({ change: 'fixed', overlap: false })
  // What failed before did so in bursts.
  const fixed = compared?.pairs.filter(({ verdict }) => verdict === 'fixed') ?? []
  expect(fixed.length).toBeGreaterThan(0)
  expect(fixed.some(({ before }) => (before?.clusteredP ?? 1) < 0.01)).toBe(true)
})
