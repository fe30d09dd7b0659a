import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lab } from '../../src/lab/lab.ts'
import { prepare } from '../../src/simulator/base.ts'
import { contextOf, unattended } from '../../src/simulator/operator/context.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { mustMigrate } from './support/migrate.ts'
import { type Story, tellStory } from './support/side-by-side/story.ts'

// One story, told by real nodes and by simulated ones: where they differ, the simulator is wrong.
const name = 'side-by-side'
let lab: Lab
let real: Story
let simulated: Story

async function tellByNodes(): Promise<Story> {
  const plan = `${lab.stateDir}/plan.json`
  await mustMigrate(lab, 'plan', '-o', plan)
  const script = fileURLToPath(new URL('support/side-by-side/of-nodes.ts', import.meta.url))
  const { code, stdout, stderr } = await lab.run([process.execPath, script, lab.inventoryFile, plan])
  if (code !== 0) throw new Error(`the nodes' story ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as Story
}

async function tellBySimulation(): Promise<Story> {
  const { simulation, run } = await prepare({
    servers: 3,
    agents: 1,
    hostPort: true,
    flags: 'nowhere',
    order: 'staged',
    tunnelPort: 8473,
  })
  const story = await simulation.drive(() =>
    simulation.process('alice', (process) => tellStory(contextOf(process, run, simulation.disk, unattended('stop')))),
  )
  if (story === 'killed') throw new Error('nobody was to be killed')
  return story
}

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  simulated = await tellBySimulation()
  real = await tellByNodes()
  // A whole run and its way back, with a look around after every step.
}, 1_500_000)
afterAll(() => takeDown(name))

test('the same commands, which end the same, each time a step is done', () => {
  const done = ({ forward }: Story) => forward.map(({ at, commands }) => ({ at, commands }))
  expect(done(simulated)).toEqual(done(real))
})

test('nodes and API stand the same before each step', () => {
  const stood = ({ forward }: Story) => forward.map(({ at, standing }) => ({ at, standing }))
  expect(stood(simulated)).toEqual(stood(real))
})

test('and on the way back, step by step', () => {
  expect(simulated.back).toEqual(real.back)
})

test('what no run does comes to the same', () => {
  expect(simulated.turns).toEqual(real.turns)
})
