import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { kubeRouter } from '../../src/netfilter/kube-router.ts'
import { applyRemoval, planRemoval, removalScript } from '../../src/netfilter/removal.ts'
import { parse, print } from '../../src/netfilter/ruleset.ts'
import { bytesOf, textOf } from '../../src/nodes/text.ts'
import { fixture } from '../netfilter/fixtures.ts'
import { hostile } from './support/cases.ts'
import { hostileText } from './support/hostile-text.ts'
import { cameOf } from './support/oracle.ts'

/** As iptables-save prints a comment: always in quotes here, `"`, `'` and `\` with a backslash before them. */
const quoted = (comment: string) => `"${comment.replace(/["'\\]/g, '\\$&')}"`

const bytes = fc.oneof(
  hostileText.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((list) => Buffer.from(list)),
)
/** No comment holds a zero byte or more than 255. */
const comment = bytes.map((list) => Buffer.from(list.filter((byte) => byte !== 0).slice(0, 255)))

const rules = fc.array(fc.tuple(comment, fc.constantFrom('ACCEPT', 'KUBE-ROUTER-INPUT', 'KUBE-ROUTER', 'MINE')), {
  minLength: 1,
  maxLength: 8,
})
const chains = ['KUBE-ROUTER-INPUT', 'KUBE-ROUTER', 'MINE'].map((name) => `:${name} - [0:0]`)

hostile('rule sets: comments', rules, async (list) => {
  const lines = list.map(([one, target]) =>
    Buffer.concat([
      Buffer.from('-A INPUT -m comment --comment '),
      Buffer.from(quoted(one.toString('latin1')), 'latin1'),
      Buffer.from(` -j ${target}`),
    ]),
  )
  const head = ['*filter', ':INPUT ACCEPT [0:0]', ...chains, ''].join('\n')
  const saved = Buffer.concat([
    Buffer.from(head),
    ...lines.flatMap((line) => [line, Buffer.from('\n')]),
    Buffer.from('COMMIT\n'),
  ])
  const ruleset = parse(textOf(saved))
  expect(bytesOf(print(ruleset))).toEqual(saved)

  const removal = planRemoval(ruleset, [kubeRouter])
  const doomed = lines.filter((_, index) => list[index]?.[1] === 'KUBE-ROUTER-INPUT')
  const left = bytesOf(print(applyRemoval(ruleset, removal)))
  for (const [index, line] of lines.entries())
    expect(left.includes(line) || doomed.some((one) => one.equals(line)), String(index)).toBe(true)
  const script = await cameOf(() => removalScript(removal))
  // A line break in a comment would begin a line of its own: such a rule is refused.
  const broken = doomed.some((line) => /[\n\r]/.test(line.toString('latin1')))
  if (script === null) return expect(broken).toBe(true)
  const deleted = bytesOf(script)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.startsWith('-D '))
  expect(deleted).toEqual(doomed.map((line) => line.toString('latin1').replace(/^-A /, '-D ')))
})

const text = fixture('k3s-1.21.3.ip6.rules')
const damaged = fc.oneof(
  fc.nat(text.length - 1).map((length) => text.slice(0, length)),
  fc
    .tuple(fc.nat(text.length), fc.nat(30), hostileText)
    .map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length)),
  fc.tuple(fc.nat(text.length), fc.nat(text.length)).map(([at, from]) => text.slice(0, at) + text.slice(from)),
  // Of a locale of their own, of a program that failed, of another program.
  fc.constantFrom(
    '',
    '\n',
    'COMMIT\n',
    '*filter\n',
    '*filter\nCOMMIT',
    'iptables-save: Berechtigung nicht gewährt\n',
    'table ip filter {\n}\n',
    '\u0000'.repeat(99),
  ),
)

/** What is read prints as it came. */
hostile('rule sets: text', damaged, async (input) => {
  const ruleset = await cameOf(() => parse(input))
  if (ruleset !== null) expect(print(ruleset)).toBe(input)
})

test('cut at every byte, nothing is taken for the whole but what ends with a whole table', () => {
  const whole =
    '# Generated\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment "a\nCOMMIT" -j DROP\nCOMMIT\n# Completed\n*nat\nCOMMIT\n'
  const read = Array.from({ length: whole.length + 1 }, (_, length) => whole.slice(0, length)).filter((part) => {
    try {
      return print(parse(part)) === part
    } catch (error) {
      if (error instanceof InputError) return false
      throw error
    }
  })
  const ends = [0, '# Generated\n', 'DROP\nCOMMIT\n', '# Completed\n', '*nat\nCOMMIT\n']
  expect(read.map((part) => part.length)).toEqual(
    ends.map((end) => (typeof end === 'number' ? end : whole.indexOf(end) + end.length)),
  )
})

test('thirty thousand rules are read and printed in a moment', () => {
  const rule = '-A KUBE-POD-FW-AAAAAAAAAAAAAAAA -m comment --comment "\\"x\\" \u001b[2J" -j RETURN\n'
  const text = `*filter\n:KUBE-POD-FW-AAAAAAAAAAAAAAAA - [0:0]\n${rule.repeat(30_000)}COMMIT\n`
  const startedMs = performance.now()
  expect(print(parse(text)) === text).toBe(true)
  expect(performance.now() - startedMs).toBeLessThan(5_000)
})
