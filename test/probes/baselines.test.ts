import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { openBaselines, readBaseline } from '../../src/probes/baselines.ts'
import { healthy } from '../diagnosis/support/evidence.ts'

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'state-'))
})
afterEach(() => rmSync(state, { recursive: true }))

const evidence = healthy()
const { cluster, clusterId } = evidence

test('what is kept is read again, whole; the file is 0600 in folders of 0700', async () => {
  const path = await openBaselines(state, cluster).save(evidence, 'baseline')
  expect(path).toBe(join(state, cluster, 'baselines', '20261121T100000.000Z.json'))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
  expect(await readBaseline(path, { cluster, clusterId })).toEqual(evidence)
})

test('one that is there is not overwritten, and nothing half-written stays', async () => {
  const baselines = openBaselines(state, cluster)
  const path = await baselines.save(evidence, 'baseline')
  const before = readFileSync(path)
  await expect(baselines.save({ ...evidence, series: [] }, 'baseline')).rejects.toThrow(
    /is there already, and what is kept is never/,
  )
  expect(readFileSync(path)).toEqual(before)
  expect(readdirSync(baselines.folder)).toEqual(['20261121T100000.000Z.json'])
})

test('the newest by its time; other files are none', async () => {
  const baselines = openBaselines(state, cluster)
  expect(await baselines.newest()).toBeNull()
  await baselines.save({ ...evidence, fromMs: evidence.fromMs + 86_400_000 }, 'baseline')
  await baselines.save(evidence, 'baseline')
  writeFileSync(join(baselines.folder, 'zzz.json'), '{}')
  expect(await baselines.newest()).toBe(join(baselines.folder, '20261122T100000.000Z.json'))
})

test('what verify saw is kept beside, and is no baseline', async () => {
  const baselines = openBaselines(state, cluster)
  const later = { ...evidence, fromMs: evidence.fromMs + 60_000 }
  const file = await baselines.save(evidence, 'baseline')
  const after = await baselines.save(later, 'after')
  expect(after).toBe(join(state, cluster, 'baselines', '20261121T100100.000Z-after.json'))
  await expect(baselines.save(later, 'after')).rejects.toThrow(/never overwritten/)
  expect(await baselines.all()).toEqual([
    { file, kind: 'baseline' },
    { file: after, kind: 'after' },
  ])
  expect(await baselines.newest()).toBe(file)
})

test('a folder that others can write to is refused', async () => {
  const baselines = openBaselines(state, cluster)
  await baselines.save(evidence, 'baseline')
  chmodSync(baselines.folder, 0o777)
  await expect(baselines.save({ ...evidence, fromMs: 0 }, 'baseline')).rejects.toThrow(InputError)
})

test('of another cluster: refused, both named', async () => {
  const path = await openBaselines(state, cluster).save(evidence, 'baseline')
  await expect(readBaseline(path, { cluster: 'other' })).rejects.toThrow(
    `${cluster} with the id ${clusterId}; this one is other`,
  )
  const rebuilt = readBaseline(path, { cluster, clusterId: 'new-uid' })
  await expect(rebuilt).rejects.toThrow(`this one is ${cluster} with the id new-uid`)
})

test.each([
  ['not there', null, /cannot be read as a baseline: ENOENT/],
  ['cut off', '{"format":1', /cannot be read as a baseline/],
  ['another thing', '{"format":1,"cluster":"home"}', /is not a baseline:[\s\S]*clusterId/],
  ['of another version', '{"format":2}', /format/],
])('%s: said with the file and the key', async (_what, text, message) => {
  const path = join(state, 'b.json')
  if (text !== null) writeFileSync(path, text)
  const reading = readBaseline(path, { cluster })
  await expect(reading).rejects.toThrow(InputError)
  await expect(reading).rejects.toThrow(message)
  await expect(reading).rejects.toThrow(path)
})
