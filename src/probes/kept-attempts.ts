import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attempt, parseAttempts } from './attempts.ts'

/**
 * What the probing of a run saw, out of its folder (`runs/<id>/probe`); nothing where it was never collected. Collected
 * twice counts once. `broken`: lines that a power-off left.
 */
export async function keptAttempts(folder: string): Promise<{ attempts: Attempt[]; broken: number }> {
  const names = (await filesIn(folder)).filter((name) => name.endsWith('.tsv')).sort()
  const parsed = await Promise.all(names.map(async (name) => parseAttempts(await readFile(join(folder, name), 'utf8'))))
  const attempts = new Map(parsed.flatMap((one) => one.attempts).map((one) => [`${one.id} ${one.atMs}`, one]))
  return { attempts: [...attempts.values()], broken: parsed.reduce((sum, one) => sum + one.broken, 0) }
}

async function filesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
