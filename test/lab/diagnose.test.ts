import { afterEach, expect, test } from 'vitest'
import { type Lab, up } from '../../src/lab/lab.ts'
import { diagnosisReportSchema } from '../../src/report/diagnosis-json.ts'
import { takeDown } from './support/fresh-lab.ts'
import { mustMigrate } from './support/migrate.ts'
import { symptomOf } from './support/symptoms.ts'

const runs = 5
const labs: string[] = []
afterEach(async () => {
  for (const name of labs.splice(0)) await takeDown(name)
})

/** What `diagnose` names, the most likely first: rule and confidence. */
async function named(lab: Lab): Promise<{ rule: string; confidence: string }[]> {
  const said = await mustMigrate(lab, 'diagnose', '--duration', '60s', '--json')
  const { diagnoses } = diagnosisReportSchema.parse(JSON.parse(said))
  return diagnoses.map(({ rule, confidence }) => ({ rule, confidence }))
}

test.each([
  ['healthy', null],
  ['reject-gap', 'reject-gap'],
  ['process-specific', 'process-specific'],
  ['tarpit', 'host-network-tarpit'],
  ['rule-conflict', 'rule-conflict'],
] as const)('%s: told five times of five (%s), and nothing else as likely', async (scenario, cause) => {
  const name = `judge-${scenario.slice(0, 4)}`
  labs.push(name)
  await takeDown(name)
  const lab = await up({ name, scenario })
  await symptomOf(lab)
  const told: { rule: string; confidence: string }[][] = []
  for (let run = 0; run < runs; run++) told.push(await named(lab))
  const said = JSON.stringify(told)
  expect(
    told.map(([most]) => most?.rule ?? null),
    said,
  ).toEqual(Array(runs).fill(cause))
  for (const [most, ...others] of told)
    expect(
      others.filter(({ confidence }) => confidence === most?.confidence),
      said,
    ).toEqual([])
})
