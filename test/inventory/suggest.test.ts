import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editDistance, suggest } from '../../src/inventory/suggest.ts'

test('near words are found, far ones are not', () => {
  const keys = ['address', 'identityFile', 'knownHostsFile', 'role', 'name']
  expect(suggest('adress', keys)).toBe('address')
  expect(suggest('identity_file', keys)).toBe('identityFile')
  expect(suggest('nmae', keys)).toBe('name')
  expect(suggest('colour', keys)).toBeNull()
})

test('the distance is a distance', () => {
  const word = fc.string({ maxLength: 12 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a))
      expect(editDistance(a, b) === 0).toBe(a === b)
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
    }),
  )
})
