import fc from 'fast-check'
import { expect } from 'vitest'
import { digestOf, sha256 } from '../../src/engine/digest.ts'
import type { Json } from '../../src/engine/model.ts'
import { formatPlanFile, parsePlanFile } from '../../src/engine/plan-file.ts'
import { planMarkdown } from '../../src/report/plan-markdown.ts'
import { planText } from '../../src/report/plan-text.ts'
import { planFixture } from '../report/plan-fixture.ts'
import { hostile } from './support/cases.ts'
import { mutated, withNesting } from './support/mutations.ts'
import { cameOf, expectPrintable } from './support/oracle.ts'

const facts = { nodes: { s1: { name: 's1' } } }
const good = { digest: '0'.repeat(64), plan: { ...planFixture, factsDigest: digestOf(facts) }, facts }
const bytes = Buffer.from(formatPlanFile(good))

const edited = fc.oneof(
  fc
    .tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
    .map(([at, by]) => bytes.with(at, (bytes[at] ?? 0) ^ by)),
  fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
  fc
    .tuple(fc.nat(bytes.length), fc.uint8Array({ minLength: 1, maxLength: 9 }))
    .map(([at, put]) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)])),
)
hostile('plan files: bytes', edited, async (input) => {
  expect(await cameOf(() => parsePlanFile('plan.json', input))).toBeNull()
})

/** By somebody who knows how the digest is made. */
hostile('plan files: contents', mutated(JSON.parse(JSON.stringify(good)) as Json), async (value) => {
  const text = withNesting(JSON.stringify(value))
  const forged = Buffer.from(text.replace('0'.repeat(64), sha256(text)))
  const file = await cameOf(() => parsePlanFile('plan.json', forged))
  if (file === null) return
  expectPrintable(planText(file.plan, { colour: false, width: 100, maxDiffLines: 24 }))
  expectPrintable(planMarkdown(file.plan))
})
