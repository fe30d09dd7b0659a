import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
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
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const handle = await open(`${path}.part`, 'w', 0o600)
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(`${path}.part`, path)
    },
    async fetch(target, name, node, path) {
      const local = place(target, name)
      await mkdir(dirname(local), { recursive: true, mode: 0o700 })
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
