import { expect, test } from 'vitest'
import { isNestedDeeper, maxLevels, parseJson } from '../src/nesting.ts'

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

test('lists and maps are counted, on the deepest way', () => {
  expect(isNestedDeeper('text', 0)).toBe(false)
  expect(isNestedDeeper([[], { a: [1] }], 3)).toBe(false)
  expect(isNestedDeeper([[], { a: [1] }], 2)).toBe(true)
  const circle: unknown[] = []
  circle.push(circle)
  expect(isNestedDeeper(circle)).toBe(true)
})

test('JSON is refused where it is nested too deeply, however deeply', () => {
  expect(parseJson(nested(maxLevels))).toHaveLength(1)
  for (const levels of [maxLevels + 1, 200_000]) expect(() => parseJson(nested(levels))).toThrow(SyntaxError)
})
