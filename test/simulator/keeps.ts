import { expect, test } from 'vitest'
import type { Scenario } from '../../src/simulator/base.ts'
import { prepareScenario, runSeed, scenarios } from '../../src/simulator/campaign.ts'
import { formatFaults } from '../../src/simulator/faults.ts'

/** Of each scenario. More, and as many as one likes: `npm run simulate -- --seeds 10000`. */
const seeds = 85

/** Plays the seeds of the scenarios of one order: a file each, so that they run side by side. */
export function keepsItsPromises(order: Scenario['order']): void {
  const ofOrder = scenarios
    .map((scenario, index) => ({ scenario, index }))
    .filter((one) => one.scenario.order === order)
  test.each(
    ofOrder,
  )('$scenario.servers servers, $scenario.agents agents, $scenario.order: every promise is kept, whatever goes wrong', async ({
    scenario,
    index,
  }) => {
    const prepared = await prepareScenario(scenario)
    for (let count = 1; count <= seeds; count++) {
      const seed = count * scenarios.length + index
      const { faults, broken } = await runSeed(prepared, seed)
      expect(broken, `npm run simulate -- --seed ${seed} --faults ${formatFaults(faults)}`).toEqual([])
    }
  })
}
