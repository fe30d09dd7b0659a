import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeLock } from '../../src/nodes/node-lock.ts'
import { type LocalNode, localNode } from './local-node.ts'

let node: LocalNode
beforeEach(() => {
  node = localNode()
})
afterEach(() => node.remove())

const owner = (nonce: string) => ({
  nonce,
  runId: 'r1',
  cluster: 'c',
  user: 'alice',
  host: 'laptop',
  pid: 1,
  bootId: 'b',
  since: '2026-01-01T00:00:00Z',
})

test('of many at once exactly one gets it, and the others are told who', async () => {
  const lock = nodeLock(node)
  const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((nonce) => lock.acquire(owner(nonce))))
  const winners = results.filter((result) => result === 'taken')
  const told = results.filter((result) => result !== 'taken')
  expect(winners).toHaveLength(1)
  expect(new Set(told.map((result) => result.nonce)).size).toBe(1)
  expect(await lock.inspect()).toEqual(told[0])
})

test('its own owner is told too, and a free lock is null', async () => {
  const lock = nodeLock(node)
  expect(await lock.inspect()).toBeNull()
  expect(await lock.acquire(owner('a'))).toBe('taken')
  expect(await lock.acquire(owner('a'))).toEqual(owner('a'))
})

test('only the right nonce gives it up, and nothing stays', async () => {
  const lock = nodeLock(node)
  await lock.acquire(owner('a'))
  await lock.release('b')
  expect(await lock.inspect()).toEqual(owner('a'))
  await lock.release('a')
  await lock.release('a')
  expect(await lock.inspect()).toBeNull()
  expect(readdirSync(node.varLib)).toEqual([])
})

test('an owner that is not ours is an error with what to do', async () => {
  mkdirSync(join(node.varLib, 'cni-migrate/lock'), { recursive: true })
  writeFileSync(join(node.varLib, 'cni-migrate/lock/owner'), '{"nonce":1}')
  await expect(nodeLock(node).acquire(owner('a'))).rejects.toThrow(/not what this program writes/)
})
