import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, textOf } from '../../src/nodes/text.ts'

const parts = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => new Uint8Array(Buffer.from(text))),
  // Halves of surrogate pairs, overlong forms, beginnings without an end: what decoders disagree about.
  fc
    .constantFrom('eda0bd', 'edb2a9', 'c080', 'e08080', 'f0808080', 'f48fbfbf', 'f4908080', 'e282', 'efbbbf')
    .map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
)
const bytes = fc.array(parts, { maxLength: 12 }).map((list) => Buffer.concat(list))

test('whatever the bytes, they come back; through JSON too', () => {
  fc.assert(
    fc.property(bytes, (input) => {
      const text = textOf(input)
      expect(bytesOf(text)).toEqual(input)
      expect(JSON.parse(JSON.stringify(text))).toBe(text)
    }),
    { numRuns: 3000 },
  )
})

test('UTF-8 is read as such, around what is not', () => {
  expect(textOf(Buffer.from('grün 🦆'))).toBe('grün 🦆')
  expect(textOf(Buffer.from([0x67, 0xc3, 0xbc, 0xfc, 0x21]))).toBe('gü\udcfc!')
})

test('a text that was never bytes is written as UTF-8, halves of pairs as replacement characters', () => {
  expect(bytesOf('ü\ud800')).toEqual(Buffer.from('ü\ufffd'))
})
