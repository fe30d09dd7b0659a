import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** Writes a file so that a reader, or a power-off, never meets half of it. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  // A folder made for secret files is not for others either.
  await mkdir(dirname(path), { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 })
  const half = `${path}.${process.pid}.${randomUUID()}.tmp`
  await writeFile(half, text, { mode })
  await rename(half, path)
}

/** A number from a fault file asked for by `migrate lab break`; null when that fault is not there. */
export async function faultSeconds(path: string, otherwise: number): Promise<number | null> {
  const text = await readIfThere(path)
  if (text === null) return null
  const seconds = Number.parseFloat(text)
  return Number.isFinite(seconds) ? seconds : otherwise
}
