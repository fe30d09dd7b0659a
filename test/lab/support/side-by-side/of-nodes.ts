/** Run on the operator's side of a lab with the path of its inventory: tells the story of its nodes, as JSON. */

import { openRun } from '../../../../src/cli/session.ts'
import { readPlanFile } from '../../../../src/engine/plan-file.ts'
import { openRunStore } from '../../../../src/engine/run-store.ts'
import { loadInventory } from '../../../../src/inventory/load.ts'
import { tellStory } from './story.ts'

const [inventoryFile = '', planFile = ''] = process.argv.slice(2)
const inventory = loadInventory(inventoryFile, { checkFiles: true })
const file = await readPlanFile(planFile)
const store = await openRunStore(inventory.stateDir, inventory.cluster.name)
const run = await store.createRun('side-by-side', file)
await using opened = await openRun(
  inventory,
  { interactive: false, live: false, colour: false, width: 120 },
  run,
  file,
  {
    emit: () => undefined,
    operator: { confirm: async () => 'stop', drift: async () => 'stop' },
    interrupts: { stop: new AbortController().signal, abort: new AbortController().signal },
  },
)
process.stdout.write(JSON.stringify(await tellStory(opened.context)))
