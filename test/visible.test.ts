import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printedJson, visible, visibleLines } from '../src/visible.ts'

/** Controls, what is not drawn, and halves of pairs, by the tables of Unicode rather than by the code's own list. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]|\p{Variation_Selector}|\u034f|\u115f|\u1160|\u3164/u
const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
)

test('no character that drives a terminal or hides comes through; the rest stays as it is', () => {
  const unassigned = /\p{Cn}|\p{Co}/u
  const spelt = /^\\([nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]{5,6}\})$/
  const wrong = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).filter((character) => {
    const shown = visible(character)
    const stays = !unprintable.test(character) || unassigned.test(character)
    return shown === character ? !stays : !spelt.test(shown)
  })
  expect(wrong).toEqual([])
})

test.each([
  ['a\u001b[31m\nb\ud800', 'a\\x1b[31m\\nb\\ud800'],
  ['caf\udce9', 'caf\\xe9'],
  ['\u{e0041}tag', '\\u{e0041}tag'],
  ['\u009b2J\u202egnp', '\\x9b2J\\u202egnp'],
])('%j is shown as %s', (text, shown) => {
  expect(visible(text)).toBe(shown)
})

test('lines stay lines', () => {
  expect(visibleLines('a\tb\r\nc\u001b')).toBe('a    b\\r\nc\\x1b')
})

test('JSON for programs reads back as it was, and no terminal is driven by it', () => {
  fc.assert(
    fc.property(fc.record({ text: anything, list: fc.array(anything) }), fc.constantFrom(0, 2), (value, indent) => {
      const text = printedJson(value, indent)
      expect(JSON.parse(text)).toEqual(value)
      expect(visibleLines(text)).toBe(text)
    }),
  )
})
