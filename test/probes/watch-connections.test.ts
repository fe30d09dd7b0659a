import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnreachableError } from '../../src/nodes/errors.ts'
import type { Target } from '../../src/probes/pairs.ts'
import { type ProbeOwner, removeAbandoned, thisOwner, watchName } from '../../src/probes/probe-owner.ts'
import { type SeenOnNode, watchConnections } from '../../src/probes/watch-connections.ts'
import { type LocalNode, localNode } from '../nodes/local-node.ts'

let node: LocalNode
let server: net.Server
let target: Target
beforeEach(async () => {
  node = localNode('n1')
  server = net.createServer((socket) => socket.on('error', () => {}).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as net.AddressInfo).port
  target = { id: `a>b:${port}`, netns: '-', address: '127.0.0.1', port, kind: 'tcp' }
})
afterEach(() => {
  server.close()
  node.remove()
})

const nodes = () => ({ names: ['n1'], get: () => node, close: async () => {} })
const pace = { intervalMs: 200, attemptMs: 1000, lifetimeMs: 60_000 }
const units = () => readdirSync(join(node.root, 'units'))
const now = () => Date.now()
const owner = (over: Partial<ProbeOwner> = {}) => thisOwner(now(), now() + 60_000).then((own) => ({ ...own, ...over }))
const attemptsOf = (seen: readonly SeenOnNode[]) => seen.flatMap(({ attempts }) => attempts)

describe('watching', () => {
  test('what is seen is read piece by piece, each attempt once, and nothing stays on the node', async () => {
    const watch = watchConnections(nodes(), watchName(now(), 1), await owner(), pace)
    await watch.point(new Map([['n1', [target]]]))
    const all = []
    for (let pieces = 0; pieces < 3; ) {
      const piece = attemptsOf(await watch.read())
      if (piece.length > 0) pieces++
      all.push(...piece)
    }
    const { seen, problems } = await watch.end()
    all.push(...attemptsOf(seen))
    expect(problems).toEqual([])
    expect(all.length).toBeGreaterThanOrEqual(3)
    expect(all.every(({ id, outcome }) => id === target.id && outcome === 'ok')).toBe(true)
    const times = all.map(({ atMs }) => atMs)
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
    expect(units()).toEqual([])
    expect(readdirSync(node.varLib)).toEqual([])
    expect(await watch.end()).toEqual({ seen: [], problems: [] })
  })

  test('attempts that were begun are waited for: those that take long are the ones that fail', async () => {
    const mute = net.createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const port = (mute.address() as net.AddressInfo).port
    const watch = watchConnections(nodes(), watchName(now(), 1), await owner(), { ...pace, attemptMs: 1500 })
    await watch.point(new Map([['n1', [target, { ...target, id: 'mute', port, kind: 'http' }]]]))
    const quick = () => watch.read().then((seen) => attemptsOf(seen).filter(({ id }) => id === target.id).length)
    await expect.poll(quick, { timeout: 10_000 }).toBeGreaterThan(0)
    const { seen } = await watch.end()
    mute.close()
    const ended = attemptsOf(seen).filter(({ id }) => id === 'mute')
    expect(ended.length).toBeGreaterThan(0)
    expect(ended.every(({ outcome, durationMs }) => outcome === 'timeout' && durationMs >= 1500)).toBe(true)
    expect(units()).toEqual([])
    expect(readdirSync(node.varLib)).toEqual([])
  })

  test('a node that cannot be asked for a while is asked again; one that cannot at the end is named', async () => {
    const watch = watchConnections(nodes(), watchName(now(), 1), await owner(), pace)
    await watch.point(new Map([['n1', [target]]]))
    node.before = () => {
      throw new UnreachableError('n1: the cable is out', { host: 'n1' })
    }
    expect(await watch.read()).toEqual([])
    node.before = undefined
    await expect.poll(async () => attemptsOf(await watch.read()).length, { timeout: 10_000 }).toBeGreaterThan(0)
    node.before = () => {
      throw new UnreachableError('n1: the cable is out', { host: 'n1' })
    }
    expect(await watch.end()).toEqual({ seen: [], problems: ['n1: the cable is out'] })
    node.before = undefined
    expect(units().length).toBe(1)
    const later = await owner()
    await removeAbandoned(node, { ...later, pid: later.pid + 1 }, now() + 120_000)
    expect(units()).toEqual([])
  })

  test('it ends by itself when nobody comes back', async () => {
    const watch = watchConnections(nodes(), watchName(now(), 1), await owner(), { ...pace, lifetimeMs: 1000 })
    await watch.point(new Map([['n1', [target]]]))
    expect(units().length).toBe(1)
    await expect.poll(() => units(), { timeout: 10_000 }).toEqual([])
    await watch.end()
  })

  test('a node without a pair is left alone', async () => {
    const watch = watchConnections(nodes(), watchName(now(), 1), await owner(), pace)
    await watch.point(new Map([['n1', []]]))
    expect(readdirSync(node.varLib)).toEqual([])
    expect(await watch.end()).toEqual({ seen: [], problems: [] })
  })
})

describe('what a killed one left', () => {
  const folder = (name: string) => join(node.varLib, 'cni-migrate', name)
  const left = (name: string, text: string) => {
    mkdirSync(join(folder(name), 'probe'), { recursive: true })
    writeFileSync(join(folder(name), 'owner'), text)
  }

  test('is removed when its process is gone, its time is over, or it says nothing; what may live stays', async () => {
    const self = await owner()
    // One above the highest number that Linux gives a process.
    left('evidence-dead', JSON.stringify({ ...self, pid: 4_194_305 }))
    left('evidence-over', JSON.stringify({ ...self, host: 'elsewhere', untilMs: now() - 1 }))
    left('evidence-torn', '{"host":')
    left('evidence-elsewhere', JSON.stringify({ ...self, host: 'elsewhere' }))
    left('evidence-alive', JSON.stringify({ ...self, pid: process.ppid, since: new Date().toISOString() }))
    left('20261121-abc', JSON.stringify({ ...self, pid: 4_194_305 }))
    expect((await removeAbandoned(node, self, now())).sort()).toEqual([
      'evidence-dead',
      'evidence-over',
      'evidence-torn',
    ])
    expect(readdirSync(folder('.')).sort()).toEqual(['20261121-abc', 'evidence-alive', 'evidence-elsewhere'])
  })

  test('a node on which nothing ever was', async () => {
    expect(await removeAbandoned(node, await owner(), now())).toEqual([])
    expect(existsSync(folder('.'))).toBe(false)
  })
})
