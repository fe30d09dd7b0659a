import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { collect } from '../../src/facts/collect.ts'
import { nodeFactsSchema, nodeFamilies } from '../../src/facts/facts.ts'
import type { Node } from '../../src/nodes/node.ts'
import { textOf } from '../../src/nodes/text.ts'
import { hostile } from './support/cases.ts'
import { hostileText } from './support/hostile-text.ts'
import { cameOf } from './support/oracle.ts'

/** What a K3s server said to the script that asks for everything (facts/collect.test.ts has the server). */
const recorded = readFileSync(new URL('corpus/node-answer.txt', import.meta.url), 'utf8')

const said = (stdout: string): Node => ({
  name: 'k1',
  run: async () => ({ kind: 'exited', code: 0, stdout, stderr: '', durationMs: 1 }),
  connect: () => Promise.reject(new Error('not used')),
  reconnect: () => Promise.resolve(),
})
const clock = { nowMs: Date.now, sleep: () => Promise.resolve() }
const read = (stdout: string) =>
  cameOf(async () => {
    const facts = await collect(said(stdout), nodeFamilies, { address: '10.99.0.11', nodeNames: ['localhost'], clock })
    nodeFactsSchema.omit({ name: true, address: true }).parse(facts)
    return facts
  })

test('what was recorded is understood', async () => {
  expect((await read(recorded))?.k3s.version).toBe('v1.21.3-rc1+k3s1')
})

interface Section {
  name: string
  bytes: Buffer
  tail: string
}
const sections = recorded
  .split(/^@@ /m)
  .slice(1)
  .map((part): Section => {
    const [, name = '', base64 = '', tail = ''] = /^(.*)\n([\s\S]*?)(@= \d+\n[\s\S]*)$/.exec(part) ?? []
    return { name, bytes: Buffer.from(base64, 'base64'), tail }
  })
const framed = (list: readonly Section[]) =>
  list.map(({ name, bytes, tail }) => `@@ ${name}\n${bytes.toString('base64')}\n${tail}`).join('')

const anyBytes = fc.oneof(
  hostileText.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 20 }).map((list) => Buffer.from(list)),
)
type Edit = (bytes: Buffer) => Buffer
/** Cut, put in, put over, in another locale, giant. */
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .double({ min: 0, max: 1, noNaN: true })
    .map((share) => (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * share))),
  fc
    .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(20), anyBytes)
    .map(([share, length, put]) => (bytes: Buffer) => {
      const at = Math.floor(bytes.length * share)
      return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)])
    }),
  anyBytes.map((put) => () => put),
  fc.constant((bytes: Buffer) => Buffer.concat(Array.from({ length: 20 }, () => bytes))),
  fc.constant(() => Buffer.from('bash: Warnung: setlocale: Kann LC_ALL nicht ändern\n', 'latin1')),
  fc.constant((bytes: Buffer) => Buffer.from(bytes.toString('utf8').replaceAll(/[0-9]/g, '٣'))),
)
const edited = fc.array(fc.tuple(fc.nat(sections.length - 1), edit), { minLength: 1, maxLength: 3 }).map((edits) =>
  framed(
    sections.map((section, index) => ({
      ...section,
      bytes: edits.reduce((bytes, [at, how]) => (at === index ? how(bytes) : bytes), section.bytes),
    })),
  ),
)
const damaged = fc.oneof(
  { weight: 6, arbitrary: edited },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(recorded.length), fc.nat(50), anyBytes)
      .map(([at, length, put]) => recorded.slice(0, at) + textOf(put) + recorded.slice(at + length)),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.nat(sections.length - 1), { minLength: 1, maxLength: 3 })
      .map((gone) => framed(sections.filter((_, index) => !gone.includes(index)))),
  },
)

hostile('node answers: text', damaged, async (stdout) => {
  await read(stdout)
})
