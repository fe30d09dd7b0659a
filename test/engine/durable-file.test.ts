import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeFolder, writeDurably } from '../../src/engine/durable-file.ts'
import { FailedError } from '../../src/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'durable-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('the new content is there as a whole, and for its owner alone', async () => {
  const path = join(folder, 'kept')
  await writeDurably(path, 'one')
  await writeDurably(path, 'two')
  expect(readFileSync(path, 'utf8')).toBe('two')
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.each([
  ['a file', (path: string) => writeDurably(path, 'text')],
  ['a folder', makeFolder],
])('%s that cannot be written is told as what it is, with what to do', async (_what, write) => {
  await writeDurably(join(folder, 'in-the-way'), '')
  const error: unknown = await write(join(folder, 'in-the-way', 'below')).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(FailedError)
  expect(error).toMatchObject({
    message: expect.stringMatching(/in-the-way\/below could not be written: ENOTDIR/),
    context: { next: expect.stringContaining('migrate resume') },
  })
})
