import { link, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder, refuseWritableByOthers, syncFolder, writeDurably } from '../engine/durable-file.ts'
import { InputError } from '../errors.ts'
import { type Evidence, evidenceSchema } from './evidence.ts'

/** The evidence that was kept of one cluster: `.migrate/<cluster>/baselines/<time>.json`. */
export interface Baselines {
  readonly folder: string
  /**
   * Keeps it under the time at which it began, 0600; the file's path.
   * @throws InputError when there is one of that time: a baseline is never overwritten
   */
  save(evidence: Evidence): Promise<string>
  /** Paths of all, oldest first. */
  all(): Promise<string[]>
  /** Path of the newest; null: there is none. */
  newest(): Promise<string | null>
}

/** `20261121T131500.123Z.json` */
const isBaseline = (name: string) => /^\d{8}T\d{6}\.\d{3}Z\.json$/.test(name)
const nameOf = (ms: number) => `${new Date(ms).toISOString().replaceAll(/[-:]/g, '')}.json`

export function openBaselines(stateDir: string, cluster: string): Baselines {
  const folder = join(stateDir, cluster, 'baselines')
  const all = async () => {
    const names = await readdir(folder).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return []
      throw error
    })
    return names
      .filter(isBaseline)
      .sort()
      .map((name) => join(folder, name))
  }
  return {
    folder,
    async save(evidence) {
      await makeFolder(folder)
      await refuseWritableByOthers(folder)
      const path = join(folder, nameOf(evidence.fromMs))
      const whole = `${path}.new`
      await writeDurably(whole, `${JSON.stringify(evidence)}\n`)
      try {
        // Unlike a rename, this fails where something is already.
        await link(whole, path)
      } catch (cause) {
        if (!isCode(cause, 'EEXIST')) throw cause
        throw new InputError(`${path} is there already, and a baseline is never overwritten`, {}, cause)
      } finally {
        await rm(whole)
      }
      await syncFolder(folder)
      return path
    },
    all,
    newest: async () => (await all()).at(-1) ?? null,
  }
}

/**
 * Reads what `migrate baseline` kept.
 * @param of the cluster that it must be of: its name, and its id where that is known
 * @throws InputError naming the file, the key and what was expected
 */
export async function readBaseline(path: string, of: { cluster: string; clusterId?: string }): Promise<Evidence> {
  const next = 'migrate baseline writes one.'
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new InputError(`${path} cannot be read as a baseline: ${why}`, { next }, cause)
  }
  const result = evidenceSchema.safeParse(value)
  if (!result.success) throw new InputError(`${path} is not a baseline:\n${z.prettifyError(result.error)}`, { next })
  const { cluster, clusterId } = result.data
  if (cluster !== of.cluster || (of.clusterId !== undefined && clusterId !== of.clusterId)) {
    const id = of.clusterId === undefined || cluster !== of.cluster ? '' : ` with the id ${of.clusterId}`
    throw new InputError(
      `${path} is of the cluster ${cluster} with the id ${clusterId}; this one is ${of.cluster}${id}`,
      {
        next: 'A baseline is compared with the cluster that it was made of, and with no other.',
      },
    )
  }
  return result.data
}

const isCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
