import { mkdir, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiClient } from '../../context.ts'
import { writeWhole } from '../files.ts'
import { readKeys, volumeFolder } from './environment.ts'
import type { KeyToPath, Pod, Volume } from './pod.ts'

/** The first of these hostPaths that should be a directory and is something else; null: none. */
export async function notADirectory(volumes: readonly Volume[]): Promise<string | null> {
  for (const { hostPath } of volumes) {
    if (hostPath?.type !== 'Directory' && hostPath?.type !== 'DirectoryOrCreate') continue
    const found = await stat(hostPath.path).catch(() => null)
    if (found !== null && !found.isDirectory()) return hostPath.path
  }
  return null
}

/** Puts a pod's volumes where its programs find them: <STANDIN_VOLUMES>/<volume>/. Throws what FailedMount says. */
export async function mountVolumes(api: ApiClient, pod: Pod): Promise<void> {
  const wrong = await notADirectory(pod.volumes)
  if (wrong !== null) throw new Error(`hostPath type check failed: ${wrong} is not a directory`)
  for (const volume of pod.volumes) {
    const folder = join(volumeFolder(pod.uid), volume.name)
    if (volume.hostPath !== undefined) {
      await mkdir(volumeFolder(pod.uid), { recursive: true })
      await rm(folder, { force: true })
      await symlink(volume.hostPath.path, folder)
      continue
    }
    await mkdir(folder, { recursive: true })
    const { configMap, secret, projected } = volume
    if (configMap !== undefined) await project(api, pod, folder, 'configmaps', configMap.name, configMap)
    if (secret !== undefined) await project(api, pod, folder, 'secrets', secret.secretName, secret)
    for (const source of projected?.sources ?? []) {
      if (source.configMap !== undefined)
        await project(api, pod, folder, 'configmaps', source.configMap.name, source.configMap)
      if (source.secret !== undefined) await project(api, pod, folder, 'secrets', source.secret.name, source.secret)
    }
  }
}

async function project(
  api: ApiClient,
  pod: Pod,
  folder: string,
  kind: 'configmaps' | 'secrets',
  name: string,
  options: { optional?: boolean; items?: KeyToPath[] },
): Promise<void> {
  const keys = await readKeys(api, kind, pod.namespace, name)
  if (keys === null) {
    if (options.optional === true) return
    throw new Error(`${kind.slice(0, -1)} "${name}" not found`)
  }
  const items = options.items ?? Object.keys(keys).map((key) => ({ key, path: key }))
  for (const { key, path } of items) {
    const value = keys[key]
    if (value !== undefined) await writeWhole(join(folder, path), value, kind === 'secrets' ? 0o600 : 0o644)
  }
}

export async function unmountVolumes(pod: Pod): Promise<void> {
  await rm(`/var/lib/kubelet/pods/${pod.uid}`, { recursive: true, force: true })
}
