import { afterAll, beforeAll, test } from 'vitest'
import type { FaultPoint } from '../../src/engine/fault-point.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { expectState } from './support/cluster-state.ts'
import { freshLab, takeDown } from './support/fresh-lab.ts'
import { killed, migrate, migrateUntil, mustMigrate, type PlanJson, planOf } from './support/migrate.ts'
import { expectPlanted } from './support/planted.ts'
import { type Undisturbed, undisturbed } from './support/undisturbed.ts'

// One run and one rollback, each killed at every fault point of every step that it comes by, and resumed after every kill.
const name = 'kills'
let lab: Lab
let planFile: string
let plan: PlanJson | undefined
let ends: Undisturbed

beforeAll(async () => {
  lab = await freshLab({ name, servers: 3, agents: 1 })
  planFile = `${lab.stateDir}/plan.json`
  ends = await undisturbed(lab)
})
afterAll(() => takeDown(name))

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
  const opening = kinds(['phase-started', 'step-started', 'gate-passed', 'checkpoint'])
  // The first change has these two: killed there, the gates lie behind. So they are for a run of their own.
  return [...locks, ...opening, ...ofSteps, ...kinds(['run-finished']), 'lock.released:1', ...kinds(['intent', 'done'])]
}

function backward({ steps }: PlanJson): Place[] {
  const undone = steps.filter(({ tasks }) => tasks.length > 0).toReversed()
  const ofSteps = undone.flatMap(({ stepId }) => at(['task.beforeUndo', 'task.afterUndo'], stepId))
  const opening = kinds(['rollback-started'])
  const closing = kinds(['rollback-finished'])
  return [...locks, ...opening, ...ofSteps, ...closing, 'lock.released:1', ...kinds(['undo-intent', 'undone'])]
}

/** `on` carries on what was killed. Where that comes to its end, what was killed before had led past a place: `again` begins anew. */
interface Way {
  on: readonly string[]
  again(): Promise<readonly string[]>
}

async function killedAtEach(places: readonly Place[], { on, again }: Way): Promise<void> {
  const startedMs = performance.now()
  let command = on
  let begun = 1
  for (const place of places) {
    let { code, stdout, stderr } = await migrate(lab, command, place)
    if (code !== killed) {
      begun += 1
      ;({ code, stdout, stderr } = await migrate(lab, await again(), place))
    }
    command = on
    if (code !== killed)
      throw new Error(
        `${command[0]} was to die at ${place}, and ended with ${code}:\n${stdout.slice(-2_000)}\n${stderr}`,
      )
  }
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
  process.stderr.write(`${on[0]}: killed at ${places.length} places, of ${begun} runs, in ${minutes} min\n`)
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
  const again = async () => {
    await mustMigrate(lab, 'rollback', '--yes')
    return run
  }
  await killedAtEach(forward(plan), { on: ['resume', '--yes'], again })
  await mustMigrate(lab, 'resume', '--yes')
  await expectState(lab, ends.after)
  await expectPlanted(lab, ends.planted)
})

test('a rollback that is killed at every fault point of every step ends as one that was not', async () => {
  if (plan === undefined) {
    plan = await planOf(lab, '-o', planFile)
    await mustMigrate(lab, 'run', planFile, '--yes')
  }
  const on = ['rollback', '--yes']
  const again = async () => {
    await mustMigrate(lab, 'run', planFile, '--yes')
    return on
  }
  await killedAtEach(backward(plan), { on, again })
  await mustMigrate(lab, ...on)
  await expectState(lab, ends.before)
  await expectPlanted(lab, ends.planted)
})
