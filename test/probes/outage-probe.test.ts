import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Facts } from '../../src/facts/facts.ts'
import { outagesOf, summarize } from '../../src/probes/outage.ts'
import { type OutageProbeOptions, outageProbe } from '../../src/probes/outage-probe.ts'
import { measure } from '../../src/probes/reachability.ts'
import { type LocalNode, localNode } from '../nodes/local-node.ts'
import { clusterFacts } from './cluster-facts.ts'

let node: LocalNode
let folder: string
let server: net.Server
let port: number
beforeEach(async () => {
  node = localNode('n1')
  folder = mkdtempSync(join(tmpdir(), 'run-'))
  server = net.createServer((socket) => socket.on('error', () => {}).end('me\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as net.AddressInfo).port
})
afterEach(() => {
  server.close()
  node.remove()
  rmSync(folder, { recursive: true })
})

const nodes = () => ({ names: ['n1'], get: () => node, close: async () => {} })
const factsWith = (ports: number[]): Facts => {
  const facts = clusterFacts([{ namespace: 'a', name: 'web', node: 'n1', ip: '127.0.0.1', ports }])
  facts.kube.services = []
  return facts
}
const pair = () => ({ id: `node:n1>a/web:${port}`, from: 'node:n1', to: 'a/web', port, kind: 'tcp' as const })

test('measured once: the pair by name, with its address of now', async () => {
  const result = await measure(nodes(), [pair()], factsWith([port]))
  expect(result).toMatchObject([
    { from: 'node:n1', to: 'a/web', address: '127.0.0.1', port, outcome: 'ok', said: 'me' },
  ])
})

test('a run is probed, told where pods are, collected, and leaves nothing on the node', async () => {
  let now = factsWith([port])
  const options: OutageProbeOptions = {
    nodes: nodes(),
    look: async () => now,
    folder: (runId) => join(folder, runId, 'probe'),
    externalTargets: [],
  }
  const unit = join(node.root, 'units/cni-migrate-r1-probe')
  const probe = outageProbe(options)
  await probe.start('r1', now)
  await probe.start('r1', now)
  expect(existsSync(unit)).toBe(true)
  const results = join(node.varLib, 'cni-migrate/r1/probe/results')
  const lines = () => readFileSync(results, 'utf8').split('\n').length
  await expect.poll(lines, { timeout: 10_000 }).toBeGreaterThan(4)
  // Another process of the operator's side follows: it knows the pairs from the run's folder.
  now = factsWith([port])
  await outageProbe(options).follow('r1')
  await probe.stop('r1')
  await probe.stop('r1')
  expect(existsSync(unit)).toBe(false)
  expect(readdirSync(node.varLib)).toEqual([])
  const { attempts, broken } = await probe.attempts('r1')
  expect(broken).toBe(0)
  expect(attempts.length).toBeGreaterThan(3)
  expect(summarize(outagesOf(attempts))).toMatchObject({ working: 1, interrupted: 0 })
})
