import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FaultPoint } from '../../src/engine/fault-point.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { outagesOf, summarize } from '../../src/probes/outage.ts'
import { type ClusterState, differences, expectState, settledState } from './support/cluster-state.ts'
import { restartK3s, type Watched, watchControlPlane } from './support/control-plane.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { onNode } from './support/lab-access.ts'
import { attemptsOfNewestRun, migrateUntil, mustMigrate, type PlanJson, planOf } from './support/migrate.ts'
import { expectPlanted, plant } from './support/planted.ts'

// One cluster, moved to and fro: the tests build on each other, in this order.
const name = 'e2e'
let lab: Lab
let planFile: string
let planted: Record<string, string[]>
/** On flannel, before anything was done. */
let before: ClusterState
/** On Cilium, after a run that nothing disturbed. */
let after: ClusterState
let firstPlan: PlanJson
let controlPlane: Watched

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  planFile = `${lab.stateDir}/plan.json`
})
afterAll(() => takeDown(name))

const expectAsBefore = async () => {
  await expectState(lab, before)
  await expectPlanted(lab, planted)
  expect((await planOf(lab)).changesDigest).toBe(firstPlan.changesDigest)
}

test('a plan changes nothing on any node, and shows the true diffs', async () => {
  planted = await plant(lab)
  before = await settledState(lab)

  firstPlan = await planOf(lab, '-o', planFile)
  expect(differences(before, await settledState(lab))).toEqual([])
  await expectPlanted(lab, planted)

  const diffs = (stepId: string) =>
    firstPlan.steps
      .filter((step) => step.stepId === stepId)
      .flatMap(({ tasks }) =>
        tasks.flatMap(({ target, rendering }) => rendering.diffs.map((diff) => ({ target, ...diff }))),
      )
  expect(diffs('flags').map(({ target }) => target)).toEqual(['s1', 's2', 's3'])
  for (const { target, subject, before: text, after: wanted } of diffs('flags')) {
    expect(text).toBe(text === null ? null : await onNode(lab, target, `cat ${subject}`))
    expect(wanted).toMatch(/flannel-backend: none\n/)
    expect(wanted).toMatch(/disable-network-policy: true\n/)
  }
  // What would be given to iptables names kube-router's chains as they are called now, and nothing that was planted.
  const removals = diffs('kube-router-rules').map(({ after: text }) => text ?? '')
  expect(removals.length).toBeGreaterThanOrEqual(lab.nodes.length)
  expect(removals.join('')).toMatch(/^-X KUBE-POD-FW-/m)
  expect(removals.join('')).not.toMatch(/planted/i)
})

test('an undisturbed run: nobody else is touched, and nobody waits long', async () => {
  const watch = await watchControlPlane(lab)
  await mustMigrate(lab, 'run', planFile, '--yes')
  controlPlane = await watch.stop()
  await expectPlanted(lab, planted)

  const pairs = outagesOf(attemptsOfNewestRun(lab))
  const measured = summarize(pairs)
  const attempts = pairs.map((pair) => pair.attempts)
  const detail = { ...measured, controlPlane }
  // It did measure: on many pairs, all the time, and it saw the pods being recreated.
  expect(measured.working, JSON.stringify(detail)).toBeGreaterThanOrEqual(15)
  expect(Math.min(...attempts), JSON.stringify(detail)).toBeGreaterThan(40)
  expect(measured.interrupted, JSON.stringify(detail)).toBeGreaterThan(10)
  expect(measured.notBack).toEqual([])
  expect(measured.longestMs, JSON.stringify(detail)).toBeLessThanOrEqual(10_000)
  expect(controlPlane.looks).toBeGreaterThan(100)
  expect(controlPlane.awayMs).toBeGreaterThan(0)
  process.stderr.write(`${JSON.stringify(detail, null, 1)}\n`)

  expect(await mustMigrate(lab, 'plan')).toMatch(/Nothing to do/)
  after = await settledState(lab)
  const ours = Object.entries(after).flatMap(([section, lines]) =>
    lines
      .filter((line) => /\/cni-migrate|cni-migrate-|connect-probe|Lease .*cni-migrate/.test(line))
      .map((line) => `${section}: ${line}`),
  )
  // The drop-in holds the flags from now on; the stage is an annotation in the chart's values.
  expect(ours.filter((line) => !/90-cni-migrate\.yaml/.test(line))).toEqual([])
})

test('a rollback of the whole: everything is as it was', async () => {
  await mustMigrate(lab, 'rollback', '--yes')
  await expectAsBefore()
})

/** One in every phase that does something, and of every kind: before and after the effect, before and after a record. */
const kills: `${FaultPoint}:${string}`[] = [
  'record.afterSave:evidence-before',
  'journal.afterAppend:intent:2',
  'task.afterApply:quiet',
  'task.beforeVerify:cilium-beside',
  'task.afterApply:stop-servers:2',
  'task.afterVerify:flags:2',
  'journal.beforeAppend:done',
  'task.beforeApply:start-agents',
  'task.afterApply:pods:2',
  'task.beforeApply:flannel-files:2',
  'task.afterApply:policies-on',
  'step.beforeCheckpoint:unquiet',
]

test('killed in every phase and resumed each time: the same end', async () => {
  await mustMigrate(lab, 'plan', '-o', planFile)
  for (const [index, kill] of kills.entries())
    await migrateUntil(lab, kill, ...(index === 0 ? ['run', planFile, '--yes'] : ['resume', '--yes']))
  await mustMigrate(lab, 'resume', '--yes')
  await expectState(lab, after)
  await expectPlanted(lab, planted)
})

test('a rollback that is killed as well goes on where it was', async () => {
  for (const kill of ['task.beforeUndo:policies-on', 'task.afterUndo:flags', 'journal.beforeAppend:undone'] as const)
    await migrateUntil(lab, kill, 'rollback', '--yes')
  await mustMigrate(lab, 'rollback', '--yes')
  await expectAsBefore()
})

test.each([
  'cilium-beside',
  'stop-servers',
  'flags',
  'start-servers',
  'pods',
  'flannel-files',
])('a rollback from the checkpoint %s: everything is as it was', async (stepId) => {
  await mustMigrate(lab, 'plan', '-o', planFile)
  await migrateUntil(lab, `step.afterCheckpoint:${stepId}`, 'run', planFile, '--yes')
  await mustMigrate(lab, 'rollback', '--yes')
  await expectAsBefore()
})

test('the control plane was away for no longer than when K3s is restarted by hand', async () => {
  const restart = await restartK3s(lab)
  // One start of K3s is as much as that slower than the next; `npm run bench:outage` compares the two in one run.
  const spreadMs = 1_500
  expect(restart.awayMs).toBeGreaterThan(0)
  expect(controlPlane.awayMs).toBeLessThanOrEqual(restart.awayMs + spreadMs)
})
