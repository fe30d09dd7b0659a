import { renameSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lab } from '../../src/lab/lab.ts'
import { type ClusterState, differences, settledState } from './support/cluster-state.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { migrate, migrateUntil, mustMigrate } from './support/migrate.ts'
import { expectPlanted, plant } from './support/planted.ts'

/** A cluster that was moved once, and whose run nobody has any more. */
const name = 'back'
const runbook = ['--runbook', 'cilium-to-flannel']
let lab: Lab
let planted: Record<string, string[]>
let origin: ClusterState

/** What stays: flags where they stand now, plugins that nobody can tell whose they are, and kinds that people make objects of. */
const isKept = (line: string): boolean =>
  / \/opt\/cni(\/bin(\/(loopback|portmap))?)?\b/.test(line) ||
  / \/etc\/rancher\/k3s\/config\.yaml\.d\b/.test(line) ||
  /^objects: \+ CustomResourceDefinition /.test(line) ||
  // K3s writes its flags into annotations of its node.
  /^objects: [-+] Node /.test(line)

beforeAll(async () => {
  lab = await quietLab({ name, servers: 3, agents: 1 })
  planted = await plant(lab)
  origin = await settledState(lab)
})
afterAll(() => takeDown(name))

test('where flannel runs there is nothing to do', async () => {
  expect(await mustMigrate(lab, 'plan', ...runbook)).toMatch(/Nothing to do/)
})

test('killed while the pods are moved, it is carried on to flannel on every node', async () => {
  await mustMigrate(lab, 'run', '--yes')
  renameSync(`${lab.stateDir}/.migrate`, `${lab.stateDir}/lost`)

  const plan = await mustMigrate(lab, 'plan', ...runbook)
  expect(plan).toMatch(/no way back|cannot be undone/i)
  await migrateUntil(lab, 'task.afterApply:pods', 'run', '--yes', ...runbook)
  await mustMigrate(lab, 'resume', '--yes')
  await expectPlanted(lab, planted)
  const others = differences(origin, await settledState(lab)).filter((line) => !isKept(line))
  expect(others).toEqual([])
  expect(await mustMigrate(lab, 'plan', ...runbook)).toMatch(/Nothing to do/)
})

test('what was uninstalled is not brought back by a rollback: refused, and nothing is undone', async () => {
  const before = await settledState(lab)
  const { code, stderr } = await migrate(lab, ['rollback', '--yes'])
  expect(code).toBe(3)
  expect(stderr).toMatch(/Uninstall Cilium \(cluster\) cannot be undone/)
  expect(differences(before, await settledState(lab))).toEqual([])
})
