import { expect, test } from 'vitest'
import { mergeValues } from '../../../src/lab/standin/helm/merge-values.ts'

test('merges maps, replaces the rest, removes with null', () => {
  expect(mergeValues({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null, c: 3 }, d: [2] })).toEqual({
    a: { c: 3 },
    d: [2],
  })
})
