import { readFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { makeFolder, writeDurably } from '../engine/durable-file.ts'
import { InputError } from '../errors.ts'
import { fetchFile } from '../nodes/fetch-file.ts'
import type { Backups } from './world.ts'

/** Backups as files under a run's `backups` folder: folders 0700, files 0600, on disk before `put` resolves. */
export function fileBackups(folder: string): Backups {
  const place = (target: string, name: string): string => {
    const root = resolve(folder)
    const path = resolve(join(root, target, name))
    // Names come from paths that a node reported.
    if (!path.startsWith(root + sep))
      throw new InputError(`a backup named ${JSON.stringify(name)} would lie outside ${root}`)
    return path
  }
  return {
    async put(target, name, bytes) {
      const path = place(target, name)
      await makeFolder(dirname(path))
      await writeDurably(path, bytes)
    },
    async fetch(target, name, node, path) {
      const local = place(target, name)
      await makeFolder(dirname(local))
      return await fetchFile(node, path, local)
    },
    async get(target, name) {
      try {
        return await readFile(place(target, name))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
  }
}
