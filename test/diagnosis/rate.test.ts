import { expect, test } from 'vitest'
import { failureRate, perHour, perMinute, shareText } from '../../src/diagnosis/rate.ts'
import { seen } from '../../src/diagnosis/seen-pairs.ts'
import { type Behaviour, inBursts, series, works } from './support/evidence.ts'

const pairOf = (behaviour: Behaviour) =>
  seen(series({ from: 'a/x', fromNode: 's1', to: 'b/y', toNode: 's2' }, behaviour))
const widthOf = ({ interval }: ReturnType<typeof failureRate>) => (interval ? interval[1] - interval[0] : null)

test('a share has its exact interval where failures stand alone', () => {
  // 12 of 120: Clopper and Pearson's interval is 5.3 to 16.8 %.
  const alone = failureRate('', [pairOf((_, index) => (index % 10 === 0 ? [1, 'refused'] : [2, 'ok']))])
  expect(alone).toMatchObject({ value: 10, unit: '%', interval: [5.3, 16.8] })
})

test('in bursts it is wider; of a few long ones there is none; without failures it is narrow', () => {
  const short = widthOf(failureRate('', [pairOf(inBursts(5_000, 1_000, 'refused', 300))]))
  const alone = widthOf(failureRate('', [pairOf((_, index) => (index % 5 === 0 ? [1, 'refused'] : [2, 'ok']))]))
  expect(alone).toBeGreaterThan(0)
  expect(short ?? 0).toBeGreaterThanOrEqual(alone ?? 100)
  expect(widthOf(failureRate('', [pairOf(inBursts(15_000, 7_000))]))).toBeNull()
  expect(widthOf(failureRate('', [pairOf(works)]))).toBeLessThan(4)
  expect(failureRate('', [])).toEqual({ what: '', value: 0, unit: '%' })
})

test('shares and rates as they are read', () => {
  expect(shareText({ failed: 47, tried: 120 })).toBe('47 of 120 (39.2 %)')
  expect(shareText({ failed: 0, tried: 0 })).toBe('0 of 0')
  expect(perMinute('', 9, 60_000)).toMatchObject({ value: 9, unit: '/min' })
  expect(perHour('', 22, 3_600_000)).toMatchObject({ value: 22, unit: '/h' })
})
