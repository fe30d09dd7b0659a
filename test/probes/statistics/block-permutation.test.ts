import { expect, test } from 'vitest'
import { blockPermutation } from '../../../src/probes/statistics/block-permutation.ts'
import { fisher } from '../../../src/probes/statistics/fisher.ts'

test('few counts: as by writing down all ways to deal them out', () => {
  // 3 of 6: 20 ways; only one of them gives as much as 27.
  expect(blockPermutation([1, 2, 3], [8, 9, 10])).toBeCloseTo(2 / 20, 12)
  // 27 is reached or passed by {8,9,10} and {9,10,8}.. only; 26 by two.
  expect(blockPermutation([1, 2, 8], [7, 9, 10])).toBeCloseTo((2 * 2) / 20, 12)
})

test('counts of 0 and 1 are a 2x2 table: twice the smaller tail of the hypergeometric distribution', () => {
  const ones = (hits: number, tries: number) => Array.from({ length: tries }, (_, at) => (at < hits ? 1 : 0))
  // Symmetrical, so that Fisher's two-sided test is twice the tail as well.
  expect(blockPermutation(ones(2, 12), ones(9, 12))).toBeCloseTo(fisher(2, 12, 9, 12), 9)
})

test('no difference, or nothing to compare: 1', () => {
  expect(blockPermutation([4, 4], [4, 4, 4])).toBe(1)
  expect(blockPermutation([0, 0], [0])).toBe(1)
  expect(blockPermutation([], [3])).toBe(1)
})

test('an hour of many failures: large counts are rounded, and what they say stays', () => {
  const counts = (add: number) => Array.from({ length: 100 }, (_, at) => 200 + ((at * 37) % 50) + add)
  expect(blockPermutation(counts(0), counts(0))).toBeGreaterThan(0.9)
  expect(blockPermutation(counts(0), counts(20))).toBeLessThan(1e-9)
})
