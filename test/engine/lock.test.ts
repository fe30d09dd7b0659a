import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { localLock, mayBeAlive, readBootId } from '../../src/engine/local-lock.ts'
import { type LockOwner, takeLocks } from '../../src/engine/lock.ts'
import { MemoryLock } from './toy/machine.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterEach(() => rm(dir, { recursive: true }))

const owner = (more: Partial<LockOwner> = {}): LockOwner => ({
  ...{ nonce: 'mine', runId: 'r1', cluster: 'c', user: 'alice', host: 'laptop', pid: 1, bootId: 'boot' },
  since: '2026-01-01T00:00:00Z',
  ...more,
})
const alive = { overRuns: new Set<string>(), mayBeAlive: () => true }
const gone = { overRuns: new Set<string>(), mayBeAlive: () => false }

test('all places or none, in order; what was taken is given back', async () => {
  const places = ['local', 'a', 'b'].map((name) => new MemoryLock(name))
  const [, , last] = places
  if (last) last.holder = owner({ nonce: 'theirs', runId: 'r2', user: 'bob' })
  const refused = takeLocks({ places, owner: owner(), ...gone })
  await expect(refused).rejects.toMatchObject({
    exitCode: 3,
    message: 'b: locked by bob@laptop (process 1) since 2026-01-01T00:00:00Z for run r2',
    context: { next: expect.stringContaining('the same command again with --break-lock theirs') },
  })
  expect(places.map(({ holder }) => holder?.nonce)).toEqual([undefined, undefined, 'theirs'])
  const held = await takeLocks({ places, owner: owner(), breakNonce: 'theirs', ...alive })
  expect(held).toMatchObject({ places: ['local', 'a', 'b'], broke: { runId: 'r2' } })
  await held.release()
  expect(places.map(({ holder }) => holder)).toEqual([null, null, null])
})

test.each([
  ['the same run', 'r2', true],
  ['another', 'r3', false],
])('breaking a lock takes that of %s at the next place: %j is broken: %s', async (_whose, runId, isBroken) => {
  const places = ['local', 'a'].map((name) => new MemoryLock(name))
  for (const [index, place] of places.entries())
    place.holder = owner({ nonce: `theirs ${index}`, runId: index === 0 ? 'r2' : runId })
  const breaking = takeLocks({ places, owner: owner(), breakNonce: 'theirs 0', ...alive })
  if (isBroken) expect(await breaking).toMatchObject({ places: ['local', 'a'], broke: { runId: 'r2' } })
  else await expect(breaking).rejects.toThrow(/a: locked by .* for run r3.*/)
})

test.each([
  ['a run that is over, whose process is gone,', gone, 'r2', true],
  ['a run that is over, whose process may live,', alive, 'r2', false],
  ['a run that is not over', gone, 'r3', false],
])('what %s has left', async (_whose, { mayBeAlive }, runId, isTaken) => {
  const place = new MemoryLock('local')
  place.holder = owner({ nonce: 'theirs', runId })
  const taking = takeLocks({ places: [place], owner: owner(), overRuns: new Set(['r2']), mayBeAlive })
  if (isTaken) expect(await taking).toMatchObject({ places: ['local'], tookOver: null, broke: { nonce: 'theirs' } })
  else await expect(taking).rejects.toThrow(/locked by/)
})

test('the same run takes over what a process that is gone has left, and not what a living one holds', async () => {
  const places = [new MemoryLock('local')]
  await takeLocks({ places, owner: owner({ nonce: 'old' }), ...gone })
  await expect(takeLocks({ places, owner: owner(), ...alive })).rejects.toThrow(/for run r1, and may still be alive/)
  const held = await takeLocks({ places, owner: owner(), ...gone })
  expect(held.tookOver?.nonce).toBe('old')
})

test('what was taken over stays locked when a later place fails: the run stands half-way, and nobody else is let in', async () => {
  const [local, node, other] = [new MemoryLock('local'), new MemoryLock('a'), new MemoryLock('b')]
  await takeLocks({ places: [local, node], owner: owner({ nonce: 'old' }), ...gone })
  const cut = Object.assign(other, { acquire: () => Promise.reject(new Error('connection lost')) })
  await expect(takeLocks({ places: [local, node, cut], owner: owner(), ...gone })).rejects.toThrow(/connection lost/)
  expect([local, node].map(({ holder }) => holder?.nonce)).toEqual(['mine', 'mine'])
  const elsewhere = owner({ nonce: 'theirs', runId: 'r2', user: 'bob', host: 'another' })
  await expect(takeLocks({ places: [node], owner: elsewhere, ...alive })).rejects.toThrow(/a: locked by alice/)
})

test('a place that cannot be asked: an error, unless it may be away', async () => {
  const local = new MemoryLock('local')
  const away = Object.assign(new MemoryLock('lease'), { acquire: () => Promise.reject(new Error('no API')) })
  await expect(takeLocks({ places: [local, away], owner: owner(), ...gone })).rejects.toThrow(
    /lease could not be asked for: no API/,
  )
  expect(local.holder).toBeNull()
  const held = await takeLocks({ places: [local, Object.assign(away, { mayBeAway: true })], owner: owner(), ...gone })
  expect(held).toMatchObject({ places: ['local'], unasked: ['lease'] })
})

test('a place that was away is freed at the end of what an earlier process of the run had left there', async () => {
  const left = (runId: string) => {
    const lease = Object.assign(new MemoryLock('lease'), { mayBeAway: true })
    lease.holder = owner({ nonce: 'old', runId })
    return Object.assign(lease, { acquire: () => Promise.reject(new Error('no API')) })
  }
  const [own, others] = [left('r1'), left('r2')]
  for (const lease of [own, others]) await (await takeLocks({ places: [lease], owner: owner(), ...gone })).release()
  expect(own.holder).toBeNull()
  expect(others.holder?.nonce).toBe('old')
})

test('the local lock: of many at once one gets it, whole and 0600; only its nonce releases it', async () => {
  const path = join(dir, 'lock')
  const owners = Array.from({ length: 20 }, (_, n) => owner({ nonce: `n${n}`, runId: `r${n}` }))
  const answers = await Promise.all(owners.map((each) => localLock(path).acquire(each)))
  expect(answers.filter((answer) => answer === 'taken')).toHaveLength(1)
  const holder = await localLock(path).inspect()
  expect(answers.filter((answer) => answer !== 'taken')).toEqual(Array.from({ length: 19 }, () => holder))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(dir)).toEqual(['lock'])
  await localLock(path).release('another')
  expect(await localLock(path).inspect()).toEqual(holder)
  await localLock(path).release(holder?.nonce ?? '')
  expect(await localLock(path).inspect()).toBeNull()
})

test('a lock file that is none is an error that says how to mend it', async () => {
  const path = join(dir, 'lock')
  await writeFile(path, 'hello')
  await expect(localLock(path).acquire(owner())).rejects.toMatchObject({
    exitCode: 2,
    context: { next: expect.stringContaining(`rm ${path}`) },
  })
  expect(await readFile(path, 'utf8')).toBe('hello')
  expect(await readdir(dir)).toEqual(['lock'])
})

test('whether the owner may be alive: by host, boot and process', async () => {
  const since = new Date().toISOString()
  const self = { host: hostname(), bootId: await readBootId(), pid: process.pid, since }
  const dead = spawnSync('true').pid
  expect(mayBeAlive({ ...self, pid: dead }, self)).toBe(false)
  expect(mayBeAlive({ ...self, pid: process.ppid }, self)).toBe(true)
  expect(mayBeAlive({ ...self, pid: process.ppid, bootId: 'earlier' }, self)).toBe(false)
  expect(mayBeAlive({ ...self, pid: dead, host: 'elsewhere' }, self)).toBe(true)
  // The number is in use again, by somebody who began after the lock was taken.
  expect(mayBeAlive({ ...self, pid: process.ppid, since: '2020-01-01T00:00:00.000Z' }, self)).toBe(false)
})

test('a place on a target that was away is taken before the target is changed; of a lock that was broken, there too', async () => {
  const local = new MemoryLock('local')
  const late = Object.assign(new MemoryLock('node a'), { target: 'a', mayBeAway: true })
  const acquire = late.acquire.bind(late)
  let isAway = true
  late.acquire = (one) => (isAway ? Promise.reject(new Error('silent')) : acquire(one))
  const held = await takeLocks({ places: [local, late], owner: owner(), ...gone })
  expect(await held.complete(['b'], [])).toEqual([])
  await expect(held.complete(['a'], [])).rejects.toThrow(/lock on node a could not be asked for: silent/)
  isAway = false
  late.holder = owner({ nonce: 'theirs', runId: 'r2', user: 'bob' })
  await expect(held.complete(['a'], [])).rejects.toThrow(/node a: locked by bob/)
  expect(await held.complete(['a'], ['r2'])).toEqual(['node a'])
  expect(late.holder?.nonce).toBe('mine')
  await held.release()
  expect([local.holder, late.holder]).toEqual([null, null])
})
