import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises'
import type { ApiClient } from '../context.ts'
import { attempt } from '../node/command.ts'
import { readIfThere, writeWhole } from '../node/files.ts'
import { mergeNodeConfigs } from './agent-config.ts'
import { ciliumCni, loopback } from './cni-scripts.ts'
import { ciliumConfig, ciliumNodeConfigs, nodes } from './kube-paths.ts'
import type { Log } from './log.ts'
import { sysctlOverride, sysctlOverrideFile } from './sysctl-override.ts'

const mergedFile = (volumes: string) => `${volumes}/tmp/cilium-config.json`

/** `config`: cilium-config and the CiliumNodeConfigs of the node, merged for this pod; later changes need a new pod. */
export async function buildConfig(api: ApiClient, nodeName: string, volumes: string, log: Log): Promise<void> {
  const [config, node, nodeConfigs] = await Promise.all([
    api.get(ciliumConfig),
    api.get(`${nodes}/${nodeName}`),
    // The kind is not there before an operator has run once.
    api.list(ciliumNodeConfigs).catch(() => []),
  ])
  const merged = mergeNodeConfigs(config.data ?? {}, nodeConfigs, node.metadata.labels ?? {})
  await mkdir(`${volumes}/tmp`, { recursive: true })
  await writeFile(mergedFile(volumes), JSON.stringify(merged))
  log('info', 'Wrote configuration', { keys: Object.keys(merged).length })
}

export async function readMergedConfig(volumes: string): Promise<Record<string, string>> {
  return JSON.parse(await readFile(mergedFile(volumes), 'utf8')) as Record<string, string>
}

/** `apply-sysctl-overwrites`. */
export async function overrideSysctls(): Promise<void> {
  await writeWhole(sysctlOverrideFile, sysctlOverride)
  // Where there is no systemd, or nothing to set, the file alone is what a real one leaves as well.
  await attempt(['systemctl', 'restart', 'systemd-sysctl'])
}

/** `mount-cgroup`. A node whose own cgroups are of the first version only goes on without. */
export async function mountCgroup(): Promise<void> {
  const target = '/run/cilium/cgroupv2'
  await mkdir(target, { recursive: true })
  const mounted = (await readFile('/proc/self/mounts', 'utf8')).includes(` ${target} `)
  if (!mounted) await attempt(['mount', '-t', 'cgroup2', 'none', target])
}

/** `install-cni-binaries`: cilium-cni, and loopback where there is none (K3s' directory has one); no portmap. */
export async function installCniBinaries(volumes: string): Promise<void> {
  // The volume is a link to the host's directory, which may not be there yet.
  const directory = await readlink(`${volumes}/cni-path`)
  if ((await readIfThere(`${directory}/loopback`)) === null) await writeWhole(`${directory}/loopback`, loopback, 0o755)
  await writeWhole(`${directory}/cilium-cni`, ciliumCni, 0o755)
}
