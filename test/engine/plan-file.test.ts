import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Json } from '../../src/engine/model.ts'
import { formatPlanFile, parsePlanFile, readPlanFile, writePlanFile } from '../../src/engine/plan-file.ts'
import { InputError } from '../../src/errors.ts'
import { ToyMachine } from './toy/machine.ts'
import { setStep, toyRunbook } from './toy/runbook.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plan-'))
})
afterEach(() => rm(dir, { recursive: true }))

const machine = new ToyMachine()
const content = { plan: machine.plan, facts: machine.initial as Json }

test('what is written is read back, and only the operator can read it', async () => {
  const path = join(dir, 'plan.json')
  await writePlanFile(path, content)
  expect(await readPlanFile(path)).toEqual(content)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('one edited byte, wherever it is, is refused by name', () => {
  const small = new ToyMachine(toyRunbook([setStep('stop', 'service', 'stopped', { targets: () => ['a'] })]))
  const bytes = Buffer.from(formatPlanFile({ plan: small.plan, facts: small.initial as Json }))
  parsePlanFile('plan.json', bytes)
  for (let index = 0; index < bytes.length; index += 1) {
    for (const flip of [1, 0x80]) {
      const edited = Buffer.from(bytes)
      edited[index] = (edited[index] ?? 0) ^ flip
      expect(() => parsePlanFile('plan.json', edited), `byte ${index}`).toThrow(InputError)
    }
  }
  expect(() => parsePlanFile('plan.json', bytes.subarray(0, -1))).toThrow(InputError)
  expect(() => parsePlanFile('plan.json', Buffer.concat([bytes, Buffer.from(' ')]))).toThrow(/was changed after/)
})

test('what is wrong is told by file and key', async () => {
  const path = join(dir, 'plan.json')
  const text = formatPlanFile(content)
  const cases: [string, RegExp][] = [
    [text.replace('"kind": "record"', '"kind": "recrod"'), /plan\.json: plan\.steps\.1\.kind: /],
    [text.replace('"format": 1', '"format": 2'), /plan\.json: plan\.format: /],
    [text.replace('"cluster": "toy"', '"clutser": "toy"'), /plan\.json: plan/],
    ['{', /plan\.json is no plan: /],
    ['[]', /plan\.json: the file: /],
    [text.replace('leave me alone', 'leave me alone!'), /was changed after it was written/],
    [formatPlanFile({ ...content, facts: {} }), /plan\.factsDigest/],
  ]
  for (const [edited, message] of cases) {
    await writeFile(path, edited, { mode: 0o600 })
    const refused = readPlanFile(path)
    await expect(refused).rejects.toMatchObject({
      exitCode: 2,
      context: { next: expect.stringContaining('migrate plan -o') },
    })
    await expect(refused).rejects.toThrow(message)
  }
})

test('a file that is not there, or that others can write, is refused', async () => {
  const path = join(dir, 'plan.json')
  await expect(readPlanFile(path)).rejects.toThrow(/cannot be read: ENOENT/)
  await writePlanFile(path, content)
  await chmod(path, 0o620)
  await expect(readPlanFile(path)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('mode 620') })
  expect((await readFile(path)).length).toBeGreaterThan(0)
})
