import { afterAll, beforeAll, test } from 'vitest'
import type { FaultPoint } from '../../src/engine/fault-point.ts'
import { down, type Lab, list, up } from '../../src/lab/lab.ts'
import { expectState } from './support/cluster-state.ts'
import { migrate, migrateUntil, type PlanJson, planOf } from './support/migrate.ts'
import { expectPlanted } from './support/planted.ts'
import { type Undisturbed, undisturbed } from './support/undisturbed.ts'

// One run and one rollback, each killed at every fault point of every step that it comes by, and resumed after every kill.
const name = 'kills'
let lab: Lab
let planFile: string
let plan: PlanJson
let ends: Undisturbed

const takeDown = async () => {
  if (list().some((one) => one.name === name)) await down(name)
}

beforeAll(async () => {
  await takeDown()
  lab = await up({ name, servers: 3, agents: 1 })
  planFile = `${lab.stateDir}/plan.json`
  ends = await undisturbed(lab)
})
afterAll(takeDown)

type Place = `${FaultPoint}:${string}`
const at = (points: readonly FaultPoint[], detail: string) => points.map((point): Place => `${point}:${detail}`)
const kinds = (names: readonly string[]) =>
  names.flatMap((kind) => at(['journal.beforeAppend', 'journal.afterAppend'], kind))

/** At the first, second and third place: this machine, a node, another node. */
const locks = ([1, 2, 3] as const).map((nth): Place => `lock.taken:${nth}`)

/** In the order in which a run comes by. */
function forward({ steps }: PlanJson): Place[] {
  const ofSteps = steps.flatMap(({ stepId, kind, tasks }) => [
    ...(tasks.length > 0
      ? at(['task.beforeApply', 'task.afterApply', 'task.beforeVerify', 'task.afterVerify'], stepId)
      : []),
    ...(kind === 'record' ? at(['record.beforeSave', 'record.afterSave'], stepId) : []),
    ...at(['step.beforeCheckpoint', 'step.afterCheckpoint'], stepId),
  ])
  const opening = kinds(['phase-started', 'step-started', 'gate-passed', 'checkpoint', 'intent', 'done'])
  return [...locks, ...opening, ...ofSteps, ...kinds(['run-finished']), 'lock.released:1']
}

function backward({ steps }: PlanJson): Place[] {
  const undone = steps.filter(({ tasks }) => tasks.length > 0).toReversed()
  const opening = kinds(['rollback-started', 'undo-intent', 'undone'])
  const ofSteps = undone.flatMap(({ stepId }) => at(['task.beforeUndo', 'task.afterUndo'], stepId))
  return [...locks, ...opening, ...ofSteps, ...kinds(['rollback-finished']), 'lock.released:1']
}

async function killedAtEach(places: readonly Place[], ...command: string[]): Promise<void> {
  const startedMs = performance.now()
  for (const place of places) await migrateUntil(lab, place, ...command)
  const minutes = (performance.now() - startedMs) / 60_000
  process.stderr.write(`${command[0]}: killed ${places.length} times in ${minutes.toFixed(1)} min\n`)
}

/** The nonce that the refusal of `command` names. */
async function lockInTheWay(command: readonly string[]): Promise<string> {
  const { code, stderr } = await migrate(lab, command)
  const [, nonce] = /--break-lock (\S+)/.exec(stderr) ?? []
  if (code !== 3 || nonce === undefined) throw new Error(`no lock was in the way: ${code}\n${stderr}`)
  return nonce
}

test('a run that is killed at every fault point of every step ends as one that was not', async () => {
  plan = await planOf(lab, '-o', planFile)
  // Before its first record there is no run that could be resumed: another is begun, and told whose lock is in its way.
  const run = ['run', planFile, '--yes']
  await migrateUntil(lab, 'lock.taken:1', ...run)
  for (const place of kinds(['run-started']))
    await migrateUntil(lab, place, ...run, '--break-lock', await lockInTheWay(run))
  await killedAtEach(forward(plan), 'resume', '--yes')
  await expectState(lab, ends.after)
  await expectPlanted(lab, ends.planted)
})

test('a rollback that is killed at every fault point of every step ends as one that was not', async () => {
  await killedAtEach(backward(plan), 'rollback', '--yes')
  await expectState(lab, ends.before)
  await expectPlanted(lab, ends.planted)
})
