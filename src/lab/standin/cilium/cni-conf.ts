import { watch } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readIfThere, writeWhole } from '../node/files.ts'
import type { AgentConfig } from './agent-config.ts'
import type { Log } from './log.ts'

/** Text of 05-cilium.conflist (daemon/cmd/cni/config.go, v1.17). */
export function renderConf(config: AgentConfig): string {
  const chaining = config['cni-chaining-mode']
  const plugins: object[] = [{ type: 'cilium-cni', 'enable-debug': false, 'log-file': config['cni-log-file'] }]
  if (chaining === 'portmap') plugins.push({ type: 'portmap', capabilities: { portMappings: true } })
  const name = chaining === 'none' || chaining === '' ? 'cilium' : chaining
  return `${JSON.stringify({ cniVersion: '0.3.1', name, plugins }, null, 2)}\n`
}

/** Whether Cilium puts this file of the conf directory out of the way (`cni.exclusive`). */
export function isRival(file: string, own: string): boolean {
  return file !== own && /\.(conf|conflist|json)$/.test(file)
}

export interface CniConf {
  /** Takes the file away at the agent's end, where `cni.uninstall` asks for it. */
  close(): Promise<void>
}

/**
 * Writes the node's CNI conf and, if exclusive, renames the others, now and whenever one appears: K3s writes
 * 10-flannel.conflist at each of its starts. `file` is a path on the host.
 */
export async function manageConf(config: AgentConfig, file: string, signal: AbortSignal, log: Log): Promise<CniConf> {
  const directory = dirname(file)
  const text = renderConf(config)
  const settle = async (): Promise<void> => {
    if ((await readIfThere(file)) !== text) {
      await writeWhole(file, text)
      log('info', 'Wrote CNI configuration file', { file })
    }
    if (!config['cni-exclusive']) return
    for (const rival of (await readdir(directory)).filter((name) => isRival(name, basename(file)))) {
      await rename(join(directory, rival), join(directory, `${rival}.cilium_bak`))
      log('info', 'Renamed existing CNI configuration file', { file: rival })
    }
  }
  await mkdir(directory, { recursive: true })
  await settle()
  const watcher = watch(directory, { signal })
  let pending: Promise<void> = Promise.resolve()
  watcher.on('change', () => {
    pending = pending
      .then(() => (signal.aborted ? undefined : settle()))
      .catch((error: unknown) => log('warning', 'Unable to manage CNI configuration', { error }))
  })
  watcher.on('error', (error) => log('warning', 'Unable to watch CNI configuration', { error }))
  return {
    close: async () => {
      await pending
      if (config['cni-uninstall']) await rm(file, { force: true })
    },
  }
}
