import { expect, test } from 'vitest'
import { prepareScenario, runSeed, scenarios } from '../../src/simulator/campaign.ts'
import type { Alter } from '../../src/simulator/play.ts'
import { mutants } from './mutants.ts'

/** Fewer than the campaign plays on an engine that nothing was planted into. */
const seedsEnough = 50
const [staged] = scenarios
const prepared = prepareScenario(staged)

/** The first seed that notices, with what it says; null: none does. */
async function firstCaught(alter: Alter): Promise<{ seed: number; how: string } | null> {
  for (let seed = 1; seed <= seedsEnough; seed++) {
    const how = await runSeed(await prepared, seed, undefined, alter).then(
      ({ broken }) => broken[0],
      (error: unknown) => String(error),
    )
    if (how !== undefined) return { seed, how }
  }
  return null
}

test.each(Object.entries(mutants))(
  '%s: caught',
  async (_name, alter) => {
    const caught = await firstCaught(alter)
    expect(caught).not.toBeNull()
    process.stderr.write(`  seed ${caught?.seed}: ${caught?.how.slice(0, 160)}\n`)
  },
  300_000,
)
