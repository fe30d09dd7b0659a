import { existsSync, readdirSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FailedError } from '../../src/errors.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { KubeUnreachableError } from '../../src/kube/errors.ts'
import { UnreachableError } from '../../src/nodes/errors.ts'
import { type GatherProgress, gather } from '../../src/probes/gather.ts'
import { type LocalNode, localNode } from '../nodes/local-node.ts'
import { clusterFacts } from './cluster-facts.ts'

let node: LocalNode
let server: net.Server
let facts: Facts
beforeEach(async () => {
  node = localNode('n1')
  server = net.createServer((socket) => socket.on('error', () => {}).end('web 127.0.0.1\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as net.AddressInfo).port
  const pod = (name: string) => ({
    namespace: 'a',
    name,
    node: 'n1',
    ip: '127.0.0.1',
    ports: [port],
    netns: '/proc/self/ns/net',
  })
  facts = clusterFacts([pod('web'), pod('cli')])
  Object.assign(facts.kube, { reachable: true, services: [], nodes: [], namespaces: [], cilium: { daemonSet: null } })
  Object.assign(facts.nodes.n1 ?? {}, {
    ...{ host: { clockOffsetMs: 0 }, network: { links: [] } },
    unit: { role: 'server' },
    k3s: { flags: {} },
  })
})
afterEach(() => {
  server.close()
  node.remove()
})

/** Knows the cluster's id, and cannot be asked anything else. */
const away = () => Promise.reject(new KubeUnreachableError('the API is away'))
const kube: KubeApi = {
  get: async () => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid: 'the-uid' } }),
  ...{ list: away, create: away, patch: away, replace: away, delete: away, finalize: away, raw: away },
  follow: () => ({ [Symbol.asyncIterator]: () => ({ next: away }) }),
  close: async () => undefined,
}
const clock = {
  nowMs: () => Date.now(),
  sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, { ...(signal ? { signal } : {}) }),
}

const watching = (durationMs: number, over: Partial<Parameters<typeof gather>[0]> = {}) =>
  gather({
    ...{ cluster: 'lab', kube, clock, externalTargets: [], durationMs, intervalMs: 200 },
    nodes: { names: ['n1'], get: () => node, close: async () => {} },
    look: async () => facts,
    interrupts: { stop: new AbortController().signal, abort: new AbortController().signal },
    onProgress: () => {},
    ...over,
  })
const clean = () => readdirSync(node.varLib).length === 0 && readdirSync(join(node.root, 'units')).length === 0

test('evidence of a time: pairs tried over and over, what could not be measured said, nothing left on the node', async () => {
  const told: GatherProgress[] = []
  const evidence = await watching(5_000, { onProgress: (progress) => told.push(progress) })
  expect(evidence).toMatchObject({ cluster: 'lab', clusterId: 'the-uid' })
  expect(evidence.untilMs - evidence.fromMs).toBeGreaterThanOrEqual(5_000)
  const ids = evidence.series.map(({ from, to }) => `${from}>${to}`).sort()
  expect(ids).toEqual(['a/cli>a/web', 'a/web>a/cli', 'node:n1>a/cli', 'node:n1>a/web'])
  for (const { attempts, sourceSeen } of evidence.series) {
    expect(attempts.length).toBeGreaterThan(4)
    expect(attempts.every(([atMs, , outcome]) => outcome === 'ok' && atMs >= evidence.fromMs - 1000)).toBe(true)
    expect(sourceSeen).toBe('127.0.0.1')
  }
  expect(evidence.notMeasured.join()).toContain('the API is away')
  expect(told[0]?.leftMs).toBeNull()
  expect(told.at(-1)).toMatchObject({ leftMs: 0, pairs: 4, failures: 0 })
  expect(clean()).toBe(true)
})

test('ended early: what was seen until then is there', async () => {
  const controller = new AbortController()
  const evidence = await watching(600_000, {
    interrupts: { stop: controller.signal, abort: new AbortController().signal },
    onProgress: ({ attempts }) => attempts > 8 && controller.abort(),
  })
  expect(evidence.untilMs - evidence.fromMs).toBeLessThan(60_000)
  expect(evidence.series.flatMap(({ attempts }) => attempts).length).toBeGreaterThan(8)
  expect(clean()).toBe(true)
})

test('ended once more: nothing is waited for', async () => {
  const [stop, abort] = [new AbortController(), new AbortController()]
  let waitedFor = false
  const run = node.run
  node.run = async (command) => {
    if (!stop.signal.aborted) return run(command)
    waitedFor = true
    abort.abort()
    return new Promise(() => {})
  }
  const ended = watching(600_000, {
    interrupts: { stop: stop.signal, abort: abort.signal },
    onProgress: ({ attempts }) => attempts > 0 && stop.abort(),
  })
  await expect(ended).rejects.toThrow('ended at once')
  expect(waitedFor).toBe(true)
})

test('a node that is lost on the way: what was seen is kept, and that it is not whole is said', async () => {
  const evidence = await watching(8_000, {
    onProgress: ({ attempts }) => {
      if (attempts < 8) return
      node.before = () => {
        throw new UnreachableError('n1: no route', { host: 'n1' })
      }
    },
  })
  expect(evidence.series.flatMap(({ attempts }) => attempts).length).toBeGreaterThanOrEqual(8)
  expect(evidence.notMeasured).toContain('connections: n1: no route')
})

test('an API that does not answer is told at once, and no node is touched', async () => {
  facts.kube = { ...facts.kube, reachable: false, error: 'connection refused' }
  await expect(watching(5_000)).rejects.toThrow(FailedError)
  expect(existsSync(join(node.varLib, 'cni-migrate'))).toBe(false)
})
