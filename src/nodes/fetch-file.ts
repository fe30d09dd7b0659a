import { createHash } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FailedError } from '../errors.ts'
import type { Node } from './node.ts'
import { mustRun, script } from './run.ts'

const chunkBytes = 8 * 1024 * 1024
const timeoutMs = 120_000

const sumScript = `[ -f "$1" ] || exit 90
stat -L -c %s -- "$1" && sha256sum < "$1"`
const chunkScript = `tail -c "+$2" -- "$1" | head -c "$3" | base64`

/**
 * Copies a file of any size off a node, in pieces: an etcd snapshot. The local file is 0600, fsynced, and appears only
 * when its sha256 is the one the node computed.
 */
export async function fetchFile(
  node: Node,
  path: string,
  localPath: string,
): Promise<{ sha256: string; sizeBytes: number }> {
  const sum = await mustRun(node, { ...script('sum-file', sumScript, [path]), mode: 'read', timeoutMs })
  const [, size, expected] = /^(\d+)\n([0-9a-f]{64})\b/.exec(sum.stdout) ?? []
  if (expected === undefined)
    throw new FailedError(`${node.name}: ${path}: sha256sum said something unexpected`, { host: node.name })
  const sizeBytes = Number(size)
  const partial = `${localPath}.partial`
  const hash = createHash('sha256')
  const file = await open(partial, 'w', 0o600)
  try {
    for (let offset = 0; offset < sizeBytes; offset += chunkBytes) {
      const args = [path, String(offset + 1), String(chunkBytes)]
      const { stdout } = await mustRun(node, { ...script('read-piece', chunkScript, args), mode: 'read', timeoutMs })
      const bytes = Buffer.from(stdout, 'base64')
      hash.update(bytes)
      await file.write(bytes)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  if (hash.digest('hex') !== expected) {
    await rm(partial)
    throw new FailedError(`${node.name}: ${path} changed while it was copied`, { host: node.name, next: 'try again' })
  }
  await rename(partial, localPath)
  const folder = await open(dirname(localPath), 'r')
  await folder.sync().finally(() => folder.close())
  return { sha256: expected, sizeBytes }
}
