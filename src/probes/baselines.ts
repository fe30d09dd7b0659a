import { link, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder, refuseWritableByOthers, syncFolder, writeDurably } from '../engine/durable-file.ts'
import { InputError } from '../errors.ts'
import { parseJson } from '../nesting.ts'
import { type Evidence, evidenceSchema } from './evidence.ts'

/** What it was gathered for: `migrate baseline`, to be compared with later, or `migrate verify`, compared with a baseline. */
export type EvidenceKind = 'baseline' | 'after'

/** The evidence that was kept of one cluster: `.migrate/<cluster>/baselines/<time>.json`, of verify `<time>-after.json`. */
export interface Baselines {
  readonly folder: string
  /**
   * Keeps it under the time at which it began, 0600; the file's path.
   * @throws InputError when there is one of that time and kind: what is kept is never overwritten
   */
  save(evidence: Evidence, kind: EvidenceKind): Promise<string>
  /** All, oldest first. */
  all(): Promise<{ file: string; kind: EvidenceKind }[]>
  /** Path of the newest baseline; null: there is none. */
  newest(): Promise<string | null>
}

/** `20261121T131500.123Z.json` or `20261121T131500.123Z-after.json` */
const kindOf = (name: string): EvidenceKind | null => {
  const [known, after] = /^\d{8}T\d{6}\.\d{3}Z(-after)?\.json$/.exec(name) ?? []
  return known === undefined ? null : after === undefined ? 'baseline' : 'after'
}
const nameOf = (ms: number, kind: EvidenceKind) =>
  `${new Date(ms).toISOString().replaceAll(/[-:]/g, '')}${kind === 'after' ? '-after' : ''}.json`

export function openBaselines(stateDir: string, cluster: string): Baselines {
  const folder = join(stateDir, cluster, 'baselines')
  const all = async () => {
    await refuseWritableByOthers(folder)
    const names = await readdir(folder).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return []
      throw error
    })
    return names.sort().flatMap((name) => {
      const kind = kindOf(name)
      return kind === null ? [] : [{ file: join(folder, name), kind }]
    })
  }
  return {
    folder,
    async save(evidence, kind) {
      await makeFolder(folder)
      await refuseWritableByOthers(folder)
      const path = join(folder, nameOf(evidence.fromMs, kind))
      const whole = `${path}.new`
      await writeDurably(whole, `${JSON.stringify(evidence)}\n`)
      try {
        // Unlike a rename, this fails where something is already.
        await link(whole, path)
      } catch (cause) {
        if (!isCode(cause, 'EEXIST')) throw cause
        throw new InputError(`${path} is there already, and what is kept is never overwritten`, {}, cause)
      } finally {
        await rm(whole)
      }
      await syncFolder(folder)
      return path
    },
    all,
    newest: async () => (await all()).findLast(({ kind }) => kind === 'baseline')?.file ?? null,
  }
}

/**
 * Reads what `migrate baseline` or `migrate verify` kept.
 * @param of the cluster that it must be of: its name, and its id where that is known
 * @throws InputError naming the file, the key and what was expected; for a file that others can write
 */
export async function readBaseline(path: string, of: { cluster: string; clusterId?: string }): Promise<Evidence> {
  const next = 'migrate baseline writes one.'
  await refuseWritableByOthers(path)
  let value: unknown
  try {
    value = parseJson(await readFile(path, 'utf8'))
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
