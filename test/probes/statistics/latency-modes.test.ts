import { expect, test } from 'vitest'
import { latencyModes } from '../../../src/probes/statistics/latency-modes.ts'
import { seeded } from './simulated.ts'

const random = seeded(5)
/** Log-normal, as connect times are. */
const around = (ms: number, spread: number) =>
  Math.round(ms * Math.exp(spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())))
const times = (count: number, ms: number, spread = 0.5) => Array.from({ length: count }, () => around(ms, spread))

test('fast or 5 s: two modes with their shares', () => {
  const modes = latencyModes([...times(90, 2), ...times(30, 5005, 0.01)])
  expect(modes.map(({ share }) => share.hits)).toEqual([90, 30])
  expect(modes[1]?.medianMs).toBeGreaterThan(4900)
  expect(modes[1]?.share.share).toBe(0.25)
  expect(modes[1]?.share.interval[0]).toBeGreaterThan(0.17)
})

test('a SYN that is sent again after 1 s and 3 s makes modes of their own', () => {
  const modes = latencyModes([...times(100, 1), ...times(8, 1020, 0.01), ...times(4, 3060, 0.01)])
  expect(modes.map(({ share }) => share.hits)).toEqual([100, 8, 4])
})

test('one mode: however it spreads, and with strays beside it', () => {
  for (const ms of [1, 20, 300]) expect(latencyModes([...times(600, ms), 30_000])).toHaveLength(1)
  expect(latencyModes([0, 1, 40, 90])).toHaveLength(1)
})

test('nothing measured: none', () => {
  expect(latencyModes([])).toEqual([])
})
