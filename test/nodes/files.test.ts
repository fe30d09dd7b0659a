import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fetchFile } from '../../src/nodes/fetch-file.ts'
import { readFile, removeFile, sha256, statMany, writeFileAtomic } from '../../src/nodes/files.ts'
import { type LocalNode, localNode } from './local-node.ts'

let node: LocalNode
let folder: string
beforeEach(() => {
  node = localNode()
  folder = join(node.root, "odd 'folder'")
  mkdirSync(folder)
})
afterEach(() => node.remove())

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const options = (expectedSha256Before: string | null) => ({ mode: 0o600, ...owner, expectedSha256Before })
const hash = (text: string) => sha256(Buffer.from(text))

describe('reading', () => {
  test('any bytes come back as they are, with mode and owner', async () => {
    const path = join(folder, '-f\n$(x)')
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
        writeFileSync(path, bytes, { mode: 0o640 })
        const file = await readFile(node, path)
        expect(Buffer.from(file?.bytes ?? []).equals(bytes)).toBe(true)
        expect(file).toMatchObject({ mode: 0o640, ...owner, sha256: sha256(bytes) })
      }),
      { numRuns: 10 },
    )
  })

  test('null when there is none; an error for a folder', async () => {
    expect(await readFile(node, join(folder, 'none'))).toBeNull()
    await expect(readFile(node, folder)).rejects.toThrow(/is not a regular file/)
  })
})

describe('writing', () => {
  test('a new file, whole, with its mode; nothing else is left in the folder', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 39])
    const path = join(folder, 'new')
    expect(await writeFileAtomic(node, path, bytes, options(null))).toEqual({ sha256: sha256(bytes) })
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(statSync(path).mode & 0o7777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['new'])
  })

  test('twice is fine, and brings the mode back', async () => {
    const path = join(folder, 'twice')
    await writeFileAtomic(node, path, Buffer.from('x'), options(null))
    await writeFileAtomic(node, path, Buffer.from('x'), { ...options(null), mode: 0o644 })
    expect(statSync(path).mode & 0o7777).toBe(0o644)
  })

  test('a file that somebody else changed is left alone', async () => {
    const path = join(folder, 'drifted')
    writeFileSync(path, 'theirs')
    await expect(writeFileAtomic(node, path, Buffer.from('ours'), options(hash('before')))).rejects.toThrow(
      /somebody else changed it/,
    )
    await expect(writeFileAtomic(node, path, Buffer.from('ours'), options(null))).rejects.toThrow(/changed/)
    expect(readFileSync(path, 'utf8')).toBe('theirs')
    expect(readdirSync(folder)).toEqual(['drifted'])
  })

  test('a file that is gone though one was expected is not made anew', async () => {
    await expect(writeFileAtomic(node, join(folder, 'gone'), Buffer.from('x'), options(hash('y')))).rejects.toThrow()
    expect(readdirSync(folder)).toEqual([])
  })

  test('bytes that arrive incomplete are not put in place', async () => {
    const path = join(folder, 'cut')
    writeFileSync(path, 'old')
    const cut = { ...node, run: (command: Parameters<typeof node.run>[0]) => node.run({ ...command, stdin: 'ne' }) }
    await expect(writeFileAtomic(cut, path, Buffer.from('new'), options(hash('old')))).rejects.toThrow(/incomplete/)
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['cut'])
  })

  test('a link stays a link', async () => {
    writeFileSync(join(folder, 'real'), 'old')
    symlinkSync('real', join(folder, 'link'))
    await writeFileAtomic(node, join(folder, 'link'), Buffer.from('new'), options(hash('old')))
    expect(readFileSync(join(folder, 'real'), 'utf8')).toBe('new')
    expect((await statMany(node, [join(folder, 'link')])).get(join(folder, 'link'))?.type).toBe('link')
  })

  test('no parent folder is said', async () => {
    await expect(writeFileAtomic(node, join(folder, 'a/b'), Buffer.from('x'), options(null))).rejects.toThrow(
      /no parent folder/,
    )
  })
})

test('removing: only what is expected; gone is fine', async () => {
  const path = join(folder, 'f')
  writeFileSync(path, 'theirs')
  await expect(removeFile(node, path, hash('ours'))).rejects.toThrow(/somebody else changed it/)
  expect(existsSync(path)).toBe(true)
  await removeFile(node, path, hash('theirs'))
  await removeFile(node, path, hash('theirs'))
  expect(existsSync(path)).toBe(false)
})

test('many at once: what they are, or null', async () => {
  writeFileSync(join(folder, 'file'), 'abc', { mode: 0o640 })
  const paths = ['file', 'none', 'a\nb'].map((name) => join(folder, name))
  const stats = await statMany(node, [...paths, folder])
  expect(stats.get(paths[0] ?? '')).toMatchObject({ type: 'file', size: 3, mode: 0o640 })
  expect(stats.get(paths[1] ?? '')).toBeNull()
  expect(stats.get(paths[2] ?? '')).toBeNull()
  expect(stats.get(folder)?.type).toBe('folder')
})

test('a large file is fetched in pieces and checked', async () => {
  const bytes = Buffer.alloc(9 * 1024 * 1024, 'abcdefg')
  writeFileSync(join(folder, 'big'), bytes)
  const local = join(folder, 'copy')
  expect(await fetchFile(node, join(folder, 'big'), local)).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length })
  expect(readFileSync(local).equals(bytes)).toBe(true)
  expect(statSync(local).mode & 0o777).toBe(0o600)
})
