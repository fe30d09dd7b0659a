import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lab } from '../../src/lab/lab.ts'
import { outagesOf, summarize } from '../../src/probes/outage.ts'
import { type ClusterState, expectState, settledState } from './support/cluster-state.ts'
import { freshLab, takeDown } from './support/fresh-lab.ts'
import { attemptsOfNewestRun, mustMigrate, type PlanJson, planOf } from './support/migrate.ts'
import { expectPlanted, plant } from './support/planted.ts'
import { quietCronJob } from './support/workload.ts'

// The other order, on the port that flannel leaves to it, the other iptables, the flags in the other place, policies audited first.
const name = 'e2el'
const order = ['--order', 'seed']
let lab: Lab
let planFile: string
let planted: Record<string, string[]>
let before: ClusterState
let firstPlan: PlanJson

beforeAll(async () => {
  lab = await freshLab({ name, servers: 3, agents: 1, iptables: 'legacy', k3sConfig: 'execstart' })
  const inventory = readFileSync(lab.inventoryFile, 'utf8')
  writeFileSync(
    lab.inventoryFile,
    inventory.replace(/^cilium:\n/m, 'cilium:\n  tunnelPort: 8472\n  auditPolicies: true\n'),
  )
  planFile = `${lab.stateDir}/plan.json`
  await quietCronJob(lab)
  planted = await plant(lab)
  before = await settledState(lab)
  firstPlan = await planOf(lab, ...order, '-o', planFile)
})
afterAll(() => takeDown(name))

test("the seed's order on iptables-legacy, with the flags in ExecStart: nobody else is touched, nothing is left to do", async () => {
  await mustMigrate(lab, 'run', planFile, '--yes')
  await expectPlanted(lab, planted)
  const measured = summarize(outagesOf(attemptsOfNewestRun(lab)))
  expect(measured.working).toBeGreaterThanOrEqual(15)
  expect(measured.interrupted).toBeGreaterThan(5)
  expect(measured.notBack).toEqual([])
  expect(await mustMigrate(lab, 'plan', ...order)).toMatch(/Nothing to do/)
})

test('rolled back, everything is as it was', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  await expectState(lab, before)
  await expectPlanted(lab, planted)
  expect((await planOf(lab, ...order)).changesDigest).toBe(firstPlan.changesDigest)
})
