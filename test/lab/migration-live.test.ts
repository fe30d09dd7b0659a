import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FaultPoint } from '../../src/engine/fault-point.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { namespace, policy, toYaml } from '../../src/lab/scenarios/manifests.ts'
import { policiesOf } from '../../src/lab/scenarios/ring-policies.ts'
import { outagesOf } from '../../src/probes/outage.ts'
import { type ClusterState, expectState, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { attemptsOfNewestRun, migrate, migrateUntil, mustMigrate, planOf } from './support/migrate.ts'
import { expectPlanted, plant } from './support/planted.ts'
import { unexplainedOutages } from './support/unexplained-outages.ts'
import { watchApart } from './support/watch-apart.ts'

// Node by node, under 135 policies. One cluster, moved to and fro: the tests build on each other, in this order.
const name = 'nodes'
const live = ['--runbook', 'k3s-flannel-to-cilium-live', '--policies', 'open']
let lab: Lab
let planFile: string
let planted: Record<string, string[]>
let before: ClusterState
let after: ClusterState

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 3 })
  planFile = `${lab.stateDir}/plan.json`
  const more = ['one', 'two', 'three', 'four', 'five'].flatMap((of) => [
    namespace(of, { team: of }),
    ...Object.entries(policiesOf('shop', of, false)).map(([title, spec]) => policy(of, title, spec)),
  ])
  const { code, stderr } = await lab.exec('s1', ['k3s', 'kubectl', 'apply', '-f', '-'], { stdin: toYaml(more) })
  expect(code, stderr).toBe(0)
  planted = await plant(lab)
  before = await settledState(lab)
})
afterAll(() => takeDown(name))

test('no probe fails but for the restart of a pod, and the whole of each is told', async () => {
  const plan = await planOf(lab, ...live, '-o', planFile)
  expect(plan.steps.filter(({ phaseId }) => /^move-\d$/.test(phaseId)).length).toBeGreaterThan(20)
  const said = await mustMigrate(lab, 'run', planFile, '--yes')
  expect(await unexplainedOutages(lab)).toEqual([])
  const pairs = outagesOf(attemptsOfNewestRun(lab))
  expect(pairs.filter(({ workedAtFirst }) => workedAtFirst).length).toBeGreaterThanOrEqual(15)
  expect(pairs.filter(({ outages }) => outages.some(({ endMs }) => endMs === null))).toEqual([])
  // They were seen to be recreated: who sees nothing proves nothing.
  expect(pairs.filter(({ outages }) => outages.length > 0).length).toBeGreaterThan(5)
  expect(said).toMatch(/each pod of a1, while it restarts/)
  await expectPlanted(lab, planted)
  expect(await mustMigrate(lab, 'plan', ...live)).toMatch(/Nothing to do/)
  after = await settledState(lab)
})

test('and the whole way back, everything is as it was', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  expect(await unexplainedOutages(lab)).toEqual([])
  await expectState(lab, before)
  await expectPlanted(lab, planted)
})

/** One in every phase. */
const kills: `${FaultPoint}:${string}`[] = [
  'task.afterApply:cilium-on-the-rest',
  'task.beforeVerify:node-config',
  'task.afterApply:policies-off-servers:2',
  'task.afterApply:on-cilium-1',
  'task.afterApply:pods-2',
  'task.beforeVerify:uncordon-3',
  'task.afterApply:cilium-everywhere',
  'task.afterApply:flannel-off-servers:2',
  'task.beforeVerify:flannel-off-agents',
  'task.afterApply:former-cni',
  'task.afterApply:admission-ends',
]

test('killed in every phase and resumed each time: the same end', async () => {
  await mustMigrate(lab, 'plan', ...live, '-o', planFile)
  for (const [index, kill] of kills.entries())
    await migrateUntil(lab, kill, ...(index === 0 ? ['run', planFile, '--yes'] : ['resume', '--yes']))
  await mustMigrate(lab, 'resume', '--yes')
  await expectState(lab, after)
  await expectPlanted(lab, planted)
}, 2_400_000)

test('and back', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  await expectState(lab, before)
})

test.each([
  'cilium-on-the-lifeboat',
  'policies-off-servers',
  'pods-1',
  'uncordon-3',
  'flannel-off-servers',
])('a rollback from the checkpoint %s: no probe fails but for the restart of a pod, everything is as it was', async (stepId) => {
  await mustMigrate(lab, 'plan', ...live, '-o', planFile)
  await migrateUntil(lab, `step.afterCheckpoint:${stepId}`, 'run', planFile, '--yes')
  await mustMigrate(lab, 'rollback', '--yes')
  expect(await unexplainedOutages(lab)).toEqual([])
  await expectState(lab, before)
  await expectPlanted(lab, planted)
})

test('with policies closed, what they keep apart on different nodes is apart all the while, and the end is the same', async () => {
  const closed = ['--runbook', 'k3s-flannel-to-cilium-live', '--policies', 'closed']
  const { looks, tried, leaks } = await watchApart(lab, before, mustMigrate(lab, 'run', ...closed, '--yes'))
  expect(leaks).toEqual([])
  expect(looks).toBeGreaterThan(10)
  expect(tried / looks).toBeGreaterThan(10)
  await expectState(lab, after)
  await expectPlanted(lab, planted)
})

test('without a word about policies it is refused, and the two ways can be compared', async () => {
  const { code, stderr } = await migrate(lab, ['plan', '--runbook', 'k3s-flannel-to-cilium-live'])
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--policies open or --policies closed/)])
  expect(await mustMigrate(lab, 'plan', '--compare')).toMatch(
    /k3s-flannel-to-cilium staged +k3s-flannel-to-cilium-live open +k3s-flannel-to-cilium-live closed\n/,
  )
})
