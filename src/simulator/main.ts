/**
 * `npm run simulate -- --seeds 10000 [--from 1]`: so many simulated runs with faults, each carried on to its end and rolled
 * back. `--seed N [--faults INSTANT:KIND:CHANCE,...]` replays one. Exit 1 when a promise was broken.
 */
import { parseArgs } from 'node:util'
import { InputError } from '../errors.ts'
import { table } from '../report/table.ts'
import { type Prepared, prepareScenario, runSeed, type SeedResult, scenarios } from './campaign.ts'
import { faultKinds, formatFaults, parseFaults } from './faults.ts'
import { unaltered } from './play.ts'
import { shrink } from './shrink.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)

function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InputError(`"${text}": expected a whole number`)
}

const prepared = new Map<number, Promise<Prepared>>()
/** A seed says its scenario by its remainder. */
function scenarioOf(seed: number): Promise<Prepared> {
  const at = seed % scenarios.length
  const scenario = scenarios[at] ?? scenarios[0]
  const known = prepared.get(at) ?? prepareScenario(scenario)
  prepared.set(at, known)
  return known
}

async function tellBroken({ seed, faults, broken }: SeedResult): Promise<void> {
  const few = await shrink(await scenarioOf(seed), seed, faults, unaltered)
  say(`\nseed ${seed} broke a promise; again: npm run simulate -- --seed ${seed} --faults ${formatFaults(few)}`)
  for (const sentence of broken) say(`  ${sentence}`)
}

async function campaign(from: number, seeds: number): Promise<boolean> {
  const reached = new Map(faultKinds.map((kind) => [kind, 0]))
  const states = new Set<string>()
  let failed = 0
  let processes = 0
  let cutOffs = 0
  const sinceMs = performance.now()
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await runSeed(await scenarioOf(seed), seed)
    for (const kind of result.reached) reached.set(kind, (reached.get(kind) ?? 0) + 1)
    for (const state of result.states) states.add(state)
    processes += result.processes
    cutOffs += result.cutOffs
    const done = seed - from + 1
    if (done % 500 === 0) process.stderr.write(`${done} of ${seeds} seeds, ${failed} of them broke a promise\n`)
    if (result.broken.length > 0) {
      failed += 1
      await tellBroken(result)
    }
  }
  const tookS = Math.round((performance.now() - sinceMs) / 1000)
  say(`\n${table([['fault', 'times'], ...[...reached].map(([kind, times]) => [kind, String(times)])], 80).join('\n')}`)
  say(
    `\n${seeds} seeds from ${from} in ${tookS} s: ${processes} processes, ended in ${states.size} distinct states of the journal; ` +
      `nodes were cut off ${cutOffs} times; ` +
      `${failed === 0 ? 'every promise was kept' : `${failed} seeds broke one`}`,
  )
  return failed === 0
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    faults: { type: 'string' },
  },
})
if (values.seed === undefined) {
  if (!(await campaign(count(values.from, 1), count(values.seeds, 100)))) process.exitCode = 1
} else {
  const seed = count(values.seed, 1)
  const given = values.faults === undefined ? undefined : parseFaults(values.faults)
  const result = await runSeed(await scenarioOf(seed), seed, given)
  say(`faults: ${formatFaults(result.faults)}`)
  for (const line of result.story) say(line)
  say(result.broken.length === 0 ? 'every promise was kept' : result.broken.join('\n'))
  if (result.broken.length > 0) process.exitCode = 1
}
