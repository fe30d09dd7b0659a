import fc from 'fast-check'
import { expect, test } from 'vitest'
import { movedPaths } from '../../src/engine/json-diff.ts'
import type { Json } from '../../src/engine/model.ts'

test('names the paths that differ', () => {
  const before = { rules: [{ chain: 'A', n: 1 }, { chain: 'B' }], 'a b': null, same: [1, 2] }
  const now = { rules: [{ chain: 'A', n: 2 }], 'a b': 0, same: [1, 2], more: true }
  expect(movedPaths(before, now)).toEqual([
    { path: '$.rules[0].n', before: 1, now: 2 },
    { path: '$.rules[1]', before: { chain: 'B' }, now: undefined },
    { path: '$["a b"]', before: null, now: 0 },
    { path: '$.more', before: undefined, now: true },
  ])
})

test('empty exactly when the two are the same JSON', () => {
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json)
  fc.assert(
    fc.property(json, json, (a, b) => {
      expect(movedPaths(a, a)).toEqual([])
      expect(movedPaths(a, b).length === 0).toBe(
        JSON.stringify(a) === JSON.stringify(b) || canonical(a) === canonical(b),
      )
    }),
  )
})

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}:${canonical(inner)}`)
    .toSorted()
    .join()}}`
}
