import { applyPatch } from 'diff'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from '../../src/report/file-diff.ts'

// No line break characters but \n, and nothing that is spelt out for the terminal.
const text = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-', '+', '@'), maxLength: 4 }), { maxLength: 12 })
  .map((lines) => lines.join('\n'))

test('the diff, applied to what was, gives what will be', () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const { lines, added, removed } = unifiedDiff({ subject: 'x', before, after })
      if (added + removed === 0) expect(after).toBe(before)
      else expect(applyPatch(before, `${lines.join('\n')}\n`)).toBe(after)
    }),
  )
})

test('a file that appears is diffed against /dev/null', () => {
  expect(unifiedDiff({ subject: '/a', before: null, after: 'x\n' }).lines).toEqual([
    '--- /dev/null',
    '+++ after /a',
    '@@ -0,0 +1,1 @@',
    '+x',
  ])
})

test('two long texts that share nothing are diffed before the test runs out of time', () => {
  const before = Array.from({ length: 20_000 }, (_, n) => `old ${n}`).join('\n')
  const after = Array.from({ length: 20_000 }, (_, n) => `new ${n}`).join('\n')
  const { added, removed } = unifiedDiff({ subject: 'x', before, after })
  expect([added, removed]).toEqual([20_000, 20_000])
})

test.each([
  ['appears', null, 'long'],
  ['goes', 'long', null],
] as const)('a long file that %s has no line on the other side', (_, before, after) => {
  const long = Array.from({ length: 20_000 }, (_, n) => `-A KUBE-${n}\n`).join('')
  const diff = unifiedDiff({ subject: '/a', before: before && long, after: after && long })
  expect([diff.added, diff.removed]).toEqual(before === null ? [20_000, 0] : [0, 20_000])
  expect(diff.lines[2]).toBe(before === null ? '@@ -0,0 +1,20000 @@' : '@@ -1,20000 +0,0 @@')
})
