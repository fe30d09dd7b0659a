import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../src/nodes/node.ts'
import { onCilium } from '../../src/operations/labels.ts'
import { nodeOnCilium } from '../../src/operations/node-on-cilium.ts'
import { noting } from './fake-guards.ts'
import { NodesApi } from './nodes-api.ts'

const task = noting(new Map())

/** A node whose commands this machine runs, and whose agent is made anew as soon as it is deleted. */
function onA1(confDir: string) {
  const api = new NodesApi()
  const { a1 } = api.facts.nodes
  if (!a1) throw new Error('no node a1')
  a1.k3s.cni.confDir = confDir
  for (const name of readdirSync(confDir)) {
    const path = join(confDir, name)
    a1.cni.files[path] = { path, type: 'file', sizeBytes: 1, mode: 0o600, text: null, sha256: null }
  }
  const agent = { node: 'a1', ready: true, startedMs: 1, waiting: null, restarts: 0, annotations: {} }
  api.facts.kube.cilium.agents = [{ ...agent, name: 'former' }]
  const deleted: string[] = []
  const kube = Object.assign(api.world.kube, {
    delete: async (_kind: object, name: string) => {
      deleted.push(name)
      api.facts.kube.cilium.agents = [{ ...agent, name: `${name}-anew` }]
    },
  })
  const run = async ({ argv: [program = '', ...args], stdin }: Command) => {
    const { status, stderr } = spawnSync(program, args, { input: String(stdin), encoding: 'utf8' })
    return { kind: 'exited', code: status, stdout: '', stderr, durationMs: 1 }
  }
  const world = Object.assign(api.world, { kube, nodes: { get: () => ({ name: 'a1', run }) } }) as typeof api.world
  return { api, world, deleted }
}

/** A folder with these files, each holding its own name. */
function folder(...names: string[]): string {
  const path = mkdtempSync(join(tmpdir(), 'node-on-cilium-'))
  for (const name of names) writeFileSync(join(path, name), name)
  return path
}

const texts = (path: string) =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'utf8')]))

test('on the way back flannel’s has its name again; what somebody had put out of the way stays there (P3)', async () => {
  const confDir = folder('10-flannel.conflist', '00-theirs.conf.cilium_bak')
  const { api, world, deleted } = onA1(confDir)
  const change = nodeOnCilium.diff(api.facts, 'a1', undefined)
  expect(change).toEqual({ confDir, strangers: [join(confDir, '00-theirs.conf.cilium_bak')] })
  if (!change || !('run' in nodeOnCilium.undo)) throw new Error('no change, or no undo')
  await nodeOnCilium.apply(world, 'a1', change, task)
  expect(deleted).toEqual(['former'])
  expect(api.node('a1').labels).toEqual(onCilium)
  // What the agent does then.
  const ofCilium = folder('05-cilium.conflist', '10-flannel.conflist.cilium_bak', '00-theirs.conf.cilium_bak')
  await nodeOnCilium.undo.run(
    world,
    'a1',
    { confDir: ofCilium, strangers: change.strangers.map((path) => path.replace(confDir, ofCilium)) },
    task,
  )
  expect(texts(ofCilium)).toEqual({
    '10-flannel.conflist': '10-flannel.conflist.cilium_bak',
    '00-theirs.conf.cilium_bak': '00-theirs.conf.cilium_bak',
  })
  expect(deleted).toEqual(['former', 'former-anew'])
  expect(api.node('a1').labels).toEqual({})
})

test('an agent that a guard holds down is not started to be told: it might cut its node off once more', async () => {
  const confDir = folder('05-cilium.conflist', '10-flannel.conflist.cilium_bak')
  const { api, world, deleted } = onA1(confDir)
  Object.assign(api.facts.nodes.a1 ?? {}, { guards: { runs: [], holdsAgent: true } })
  if (!('run' in nodeOnCilium.undo)) throw new Error('no undo')
  await nodeOnCilium.undo.run(world, 'a1', { confDir, strangers: [] }, task)
  expect(deleted).toEqual([])
  expect(texts(confDir)).toEqual({ '10-flannel.conflist': '10-flannel.conflist.cilium_bak' })
})

test('a configuration that K3s has written anew meanwhile is the one that counts', async () => {
  const confDir = folder('05-cilium.conflist', '10-flannel.conflist.cilium_bak', '10-flannel.conflist')
  const { world } = onA1(confDir)
  if (!('run' in nodeOnCilium.undo)) throw new Error('no undo')
  await nodeOnCilium.undo.run(world, 'a1', { confDir, strangers: [] }, task)
  expect(texts(confDir)).toEqual({ '10-flannel.conflist': '10-flannel.conflist' })
})

test('an API that does not answer has no agents for all we know: the former one is not taken for the new one', async () => {
  const { api, world, deleted } = onA1(folder())
  Object.assign(api.facts.kube, { reachable: false, error: 'refused' })
  const agents = api.facts.kube.cilium.agents.splice(0)
  await expect(nodeOnCilium.apply(world, 'a1', { confDir: '', strangers: [] }, task)).rejects.toThrow(/does not answer/)
  Object.assign(api.facts.kube, { reachable: true, error: null })
  api.facts.kube.cilium.agents = agents
  await nodeOnCilium.apply(world, 'a1', { confDir: '', strangers: [] }, task)
  expect(deleted).toEqual(['former'])
})
