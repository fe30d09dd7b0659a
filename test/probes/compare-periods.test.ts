import { expect, test } from 'vitest'
import { comparePeriods, isWorse } from '../../src/probes/compare-periods.ts'
import type { RejectSamples } from '../../src/probes/evidence.ts'
import { someEvidence, someSeries } from './some-evidence.ts'
import { bursty, poisson, seeded } from './statistics/simulated.ts'

const ok = '.'.repeat(240)
const inBursts = '......xxxx...............xx.......xxx...'.repeat(6)

/** Packets in each second of two minutes. */
const rejects = (packets: readonly number[], problem: string | null = null): RejectSamples => ({
  node: 's1',
  samplesMs: packets.map((_, at) => at * 1000),
  cpuShare: 0.01,
  reconcilesMs: [],
  rejects: [
    {
      namespace: 'shop',
      pod: 'web',
      increments: packets.flatMap((count, at): [number, number][] => (count === 0 ? [] : [[at * 1000, count]])),
    },
  ],
  gaps: [],
  problem,
})
const none = new Array<number>(120).fill(0)
const bursts = none.map((_, at) => (at % 15 === 0 ? 12 : 0))

test('failures and rejects that are gone: fixed, with intervals that do not overlap', () => {
  const {
    failures,
    rejects: refused,
    verdicts,
  } = comparePeriods(
    someEvidence([someSeries('a/x>b/y', inBursts), someSeries('a/z>b/y', inBursts)], { rejects: [rejects(bursts)] }),
    someEvidence([someSeries('a/x>b/y', ok), someSeries('a/z>b/y', ok)], { rejects: [rejects(none)] }),
  )
  expect(failures).toMatchObject({ change: 'fixed', overlap: false })
  expect(failures?.before).toMatchObject({ hits: 108, tries: 480 })
  expect(failures?.after).toMatchObject({ hits: 0, tries: 480 })
  expect(refused).toMatchObject({ change: 'fixed', overlap: false })
  expect(refused?.before.perHour).toBe((8 * 12 * 3600) / 120)
  expect(refused?.before.dispersion).toBeGreaterThan(5)
  expect(refused?.after.interval[0]).toBe(0)
  expect(verdicts).toMatchObject({ worse: 0, fixed: 2 })
})

test('every fifth connection lost in long bursts, then none: fixed, however many pairs were watched', () => {
  // Six blocks of so long bursts are in eight minutes: among forty pairs no figure could be told by its own share of the level.
  const long = `${'.'.repeat(104)}${'x'.repeat(26)}`.repeat(8).slice(0, 960)
  const pairs = (text: string) => Array.from({ length: 40 }, (_, at) => someSeries(`a/x${at}>b/y`, text))
  const { failures } = comparePeriods(someEvidence(pairs(long)), someEvidence(pairs('.'.repeat(960))))
  expect(failures).toMatchObject({ change: 'fixed', overlap: false })
})

test('the same bursts both times: at most one time in twenty is anything taken for a change', () => {
  const random = seeded(4)
  const burstyPairs = () =>
    someEvidence(
      Array.from({ length: 8 }, (_, at) =>
        someSeries(
          `a/x${at}>b/y`,
          bursty(random, 240, 0.15, 4)
            .map((hit) => (hit ? 'x' : '.'))
            .join(''),
        ),
      ),
    )
  let alarms = 0
  for (let round = 0; round < 200; round++) {
    const { failures, verdicts } = comparePeriods(burstyPairs(), burstyPairs())
    if (failures?.change !== 'same' || verdicts.worse + verdicts.fixed + verdicts['changed-kind'] > 0) alarms++
  }
  expect(alarms).toBeLessThanOrEqual(16)
})

test('pairs that policies forbid are no failures', () => {
  const forbidden = (text: string) => [someSeries('a/x>b/y', ok), someSeries('a/z>b/y', text, false)]
  const { failures } = comparePeriods(
    someEvidence(forbidden('x'.repeat(240))),
    someEvidence(forbidden('t'.repeat(240))),
  )
  expect(failures).toMatchObject({ before: { hits: 0, tries: 240 }, change: 'same' })
})

test('more rejects than before are worse; what was not sampled is said, and not compared', () => {
  const series = [someSeries('a/x>b/y', ok)]
  const worse = comparePeriods(
    someEvidence(series, { rejects: [rejects(none)] }),
    someEvidence(series, { rejects: [rejects(bursts)] }),
  )
  expect(worse.rejects?.change).toBe('worse')
  expect(isWorse(worse)).toBe(true)
  const unknown = comparePeriods(
    someEvidence(series, { rejects: [rejects([], 'iptables-save is missing')] }),
    someEvidence(series, { rejects: [rejects(none)], notMeasured: ['churn: the API was away'] }),
  )
  expect(unknown.rejects).toBeNull()
  expect(unknown.notMeasured).toEqual(['now: churn: the API was away'])
})

test('bursts of rejects of the same rate both times: at most one in twenty is taken for a change', () => {
  const random = seeded(9)
  const series = [someSeries('a/x>b/y', ok)]
  // A reconcile every 8 s or so, each of which refuses some dozen packets in one second or two.
  const churned = () => {
    const packets = none.map(() => (random() < 1 / 8 ? poisson(random, 20) : 0))
    return someEvidence(series, { rejects: [rejects(packets.map((one, at) => one + (packets[at - 1] ?? 0) / 2))] })
  }
  let alarms = 0
  for (let round = 0; round < 200; round++)
    if (comparePeriods(churned(), churned()).rejects?.change !== 'same') alarms++
  expect(alarms).toBeLessThanOrEqual(16)
})
