import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FaultPoint } from '../../src/engine/fault-point.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { type ClusterState, expectState, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { killed, migrateUntil, mustMigrate } from './support/migrate.ts'

/**
 * The operator's clock is set in the middle of a run. Only that of the process, by a stand-in: nodes of a lab share the
 * machine's clock, which is not to be moved. Clocks of nodes jump on simulated clusters.
 */
const name = 'clock'
const hourMs = 3_600_000
let lab: Lab
let before: ClusterState

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  before = await settledState(lab)
})
afterAll(() => takeDown(name))

const preload = join(import.meta.dirname, 'support/moved-clock.mjs')

async function movedBy(aheadMs: number, command: string, killAt?: `${FaultPoint}:${string}`): Promise<void> {
  const env = {
    MIGRATE_INVENTORY: lab.inventoryFile,
    NODE_OPTIONS: `--import=${preload}`,
    CLOCK_AHEAD_MS: `${aheadMs}`,
    ...(killAt === undefined ? {} : { MIGRATE_FAULT_POINT: killAt }),
  }
  const { code, stdout, stderr } = await lab.run(['migrate', command, '--yes'], { env })
  expect(code, stdout.slice(-2_000) + stderr).toBe(killAt === undefined ? 0 : killed)
}

test('an hour ahead, then an hour back: the run comes to its end, and the way back to the beginning', async () => {
  await migrateUntil(lab, 'task.afterApply:cni-seed', 'run', '--yes')
  await movedBy(hourMs, 'resume', 'task.afterApply:flags')
  await movedBy(-hourMs, 'resume')
  expect(await mustMigrate(lab, 'plan')).toMatch(/Nothing to do/)
  expect(await mustMigrate(lab, 'status')).toMatch(/finished/)
  await movedBy(hourMs, 'rollback', 'task.afterUndo:policies-on')
  await movedBy(-hourMs, 'rollback')
  await expectState(lab, before)
})
