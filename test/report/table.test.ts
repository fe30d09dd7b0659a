import fc from 'fast-check'
import { expect, test } from 'vitest'
import { duration } from '../../src/report/duration.ts'
import { table, wrap } from '../../src/report/table.ts'

test('columns are aligned, and the widest give way', () => {
  expect(
    table(
      [
        ['a', 'one two three four'],
        ['bbb', 'x'],
      ],
      16,
    ),
  ).toEqual(['a    one two', '     three four', 'bbb  x'])
})

test('ends of lines in a cell stand', () => {
  expect(
    table(
      [
        ['a', 'one\ntwo three', 'x'],
        ['bbb', 'y', 'z'],
      ],
      15,
    ),
  ).toEqual(['a    one      x', '     two', '     three', 'bbb  y        z'])
})

test('wrapping loses no letter and keeps to the width', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ' ') }), fc.integer({ min: 1, max: 20 }), (text, width) => {
      const lines = wrap(text, width)
      expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      expect(lines.every((line) => line.length <= width)).toBe(true)
    }),
  )
})

test('a style is laid on after the widths were counted', () => {
  const style = (text: string) => `<${text}>`
  expect(
    table(
      [
        [{ text: 'a', style }, 'b'],
        ['cc', 'd'],
      ],
      80,
    ),
  ).toEqual(['<a>   b', 'cc  d'])
})

test('durations read as people say them', () => {
  expect([0, 850, 999.6, 7_240, 9_960, 59_400, 60_000, 125_000, 3_600_000, 3_720_000].map(duration)).toEqual([
    '0 ms',
    '850 ms',
    '1 s',
    '7.2 s',
    '10 s',
    '59 s',
    '1 min',
    '2 min 5 s',
    '1 h',
    '1 h 2 min',
  ])
})
