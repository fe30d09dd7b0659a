import { describe, expect, it } from 'vitest'
import { jsonPatch, mergePatch, strategicMerge } from '../../../src/lab/standin/api/patches.ts'

it('merge patch: null removes, lists are replaced', () => {
  expect(mergePatch({ a: 1, b: { c: 2, d: 3 }, e: [1] }, { a: null, b: { c: 4 }, e: [2, 3] })).toEqual({
    b: { c: 4, d: 3 },
    e: [2, 3],
  })
})

describe('strategic merge', () => {
  it('merges containers and their env by name', () => {
    const target = {
      containers: [
        { name: 'a', image: 'x', env: [{ name: 'K', value: '1' }] },
        { name: 'b', image: 'y' },
      ],
    }
    const patch = { containers: [{ name: 'a', env: [{ name: 'L', value: '2' }] }] }
    expect(strategicMerge(target, patch)).toEqual({
      containers: [
        {
          name: 'a',
          image: 'x',
          env: [
            { name: 'K', value: '1' },
            { name: 'L', value: '2' },
          ],
        },
        { name: 'b', image: 'y' },
      ],
    })
  })
  it('deletes an entry by $patch, replaces a map by $patch', () => {
    expect(strategicMerge({ env: [{ name: 'A' }, { name: 'B' }] }, { env: [{ name: 'A', $patch: 'delete' }] })).toEqual(
      { env: [{ name: 'B' }] },
    )
    expect(strategicMerge({ m: { a: 1 } }, { m: { $patch: 'replace', b: 2 } })).toEqual({ m: { b: 2 } })
  })
  it('keeps finalizers that are there', () => {
    expect(strategicMerge({ finalizers: ['a'] }, { finalizers: ['b', 'a'] })).toEqual({ finalizers: ['a', 'b'] })
  })
})

describe('json patch', () => {
  it('adds, replaces, removes, with escaped keys', () => {
    const operations = [
      { op: 'add', path: '/metadata/annotations/a~1b', value: 'x' },
      { op: 'replace', path: '/spec/suspend', value: true },
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'remove', path: '/list/0' },
    ]
    const target = { metadata: { annotations: {} }, spec: { suspend: false }, list: [1, 2] }
    expect(jsonPatch(target, operations)).toEqual({
      metadata: { annotations: { 'a/b': 'x' } },
      spec: { suspend: true },
      list: [2, 3],
    })
    expect(target.list).toEqual([1, 2])
  })
  it('refuses a path that is not there and a test that fails', () => {
    expect(() => jsonPatch({}, [{ op: 'remove', path: '/a' }])).toThrow('no value at /a')
    expect(() => jsonPatch({ a: 1 }, [{ op: 'test', path: '/a', value: 2 }])).toThrow('test failed at /a')
  })
})
