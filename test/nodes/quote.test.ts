import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { displayWords, quote, quoteAll } from '../../src/nodes/quote.ts'
import { textOf } from '../../src/nodes/text.ts'

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', '-', '*', '!', '#', '~', '\t', '\r', 'a', 'ü'),
  }),
)
const words = fc.array(
  nasty.map((word) => word.replaceAll('\0', '').toWellFormed()),
  { minLength: 1, maxLength: 8 },
)

describe.each(['sh', 'dash', 'bash'])('in a real %s', (shell) => {
  test('every word comes out as it went in', () => {
    fc.assert(
      fc.property(words, (list) => {
        const line = `for word in ${quoteAll(list)}; do printf '%s\\0' "$word"; done`
        const out = execFileSync(shell, ['-c', line], { encoding: 'utf8' })
        expect(out).toBe(list.map((word) => `${word}\0`).join(''))
      }),
      { numRuns: 60 },
    )
  })
})

test('a leading dash, nothing, and quotes at the edges', () => {
  const list = ['-n', '', "'", "''", "it's", '--']
  const out = execFileSync('dash', ['-c', `printf '<%s>' ${quoteAll(list)}`], { encoding: 'utf8' })
  expect(out).toBe("<-n><><'><''><it's><-->")
})

test('a NUL is refused: no argument can hold one', () => {
  expect(() => quote('a\0b')).toThrow(/NUL/)
})

test('bytes that are not UTF-8 are refused: another file would be named', () => {
  expect(() => quote(textOf(Buffer.from('caf\xe9', 'latin1')))).toThrow(/not UTF-8: "caf\\udce9"/)
})

test('for people, harmless words stand without quotes', () => {
  expect(displayWords(['iptables-save', '-t', 'filter', 'a b'])).toBe("iptables-save -t filter 'a b'")
})
