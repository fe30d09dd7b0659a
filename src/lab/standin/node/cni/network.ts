import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt } from '../command.ts'
import { isMissing, readIfThere, writeWhole } from '../files.ts'
import { Queue } from '../tasks.ts'
import type { CniResult, PluginCall, PortMapping } from './call.ts'
import {
  type CniDirectories,
  isOwnPlugin,
  loadNetworkList,
  type NetworkList,
  type PluginConf,
  parseNetworkList,
} from './directories.ts'
import { callOwnPlugin } from './plugins.ts'

/** kubelet's and containerd's words for a node without a CNI conf. */
export const notInitialized = 'cni plugin not initialized'

export interface Attachment {
  id: string
  netns: string
  namespace: string
  name: string
  uid: string
  portMappings: PortMapping[]
}

const resultFolder = '/var/lib/cni/results'
const loopback = '{\n"cniVersion": "0.3.1",\n"name": "cni-loopback",\n"plugins": [{\n  "type": "loopback"\n}]\n}'

/** What go-cni does for containerd: runs the loaded list's plugins, in order for ADD and backwards for DEL. */
export class PodNetwork {
  readonly directories: CniDirectories
  /** For the plugins in this process, which have one bridge and one lease folder. Others may block: they run side by side. */
  private readonly own = new Queue()

  constructor(directories: CniDirectories) {
    this.directories = directories
  }

  async isReady(): Promise<boolean> {
    return (await loadNetworkList(this.directories.confDir)) !== null
  }

  async add(pod: Attachment): Promise<CniResult> {
    const list = await loadNetworkList(this.directories.confDir)
    if (list === null) throw new Error(notInitialized)
    await mkdir('/var/lib/cni', { recursive: true, mode: 0o700 })
    await this.addList(parseLoopback(), pod, 'lo')
    return this.addList(list, pod, 'eth0')
  }

  /** DEL of the list that is loaded *now*, whichever one made the pod's network: so leases leak over a switch of the CNI. */
  async delete(pod: Attachment): Promise<void> {
    const list = await loadNetworkList(this.directories.confDir)
    if (list === null) throw new Error(notInitialized)
    await this.deleteList(list, pod, 'eth0')
    await this.deleteList(parseLoopback(), pod, 'lo')
  }

  private async addList(list: NetworkList, pod: Attachment, ifName: string): Promise<CniResult> {
    let result: CniResult | undefined
    for (const plugin of list.plugins) {
      const call = this.call('ADD', list, plugin, pod, ifName)
      if (result !== undefined) call.conf.prevResult = result
      try {
        result = (await this.invoke(plugin.type, call)) ?? result
      } catch (error) {
        throw new Error(`plugin type="${plugin.type}" failed (add): ${message(error)}`)
      }
    }
    if (result === undefined) throw new Error(`network "${list.name}" returned no result`)
    await writeWhole(cachePath(list.name, pod.id, ifName), cacheEntry(list, pod, ifName, result), 0o600)
    return result
  }

  private async deleteList(list: NetworkList, pod: Attachment, ifName: string): Promise<void> {
    const path = cachePath(list.name, pod.id, ifName)
    const cached = await readIfThere(path)
    const result = cached === null ? undefined : (JSON.parse(cached) as { result?: CniResult }).result
    for (const plugin of list.plugins.toReversed()) {
      const call = this.call('DEL', list, plugin, pod, ifName)
      if (result !== undefined) call.conf.prevResult = result
      try {
        await this.invoke(plugin.type, call)
      } catch (error) {
        throw new Error(`plugin type="${plugin.type}" failed (delete): ${message(error)}`)
      }
    }
    await rm(path, { force: true })
  }

  private call(
    command: 'ADD' | 'DEL',
    list: NetworkList,
    plugin: PluginConf,
    pod: Attachment,
    ifName: string,
  ): PluginCall {
    const { capabilities, ...conf } = plugin
    return {
      command,
      containerId: pod.id,
      netns: pod.netns,
      ifName,
      args: cniArgs(pod)
        .map(([key, value]) => `${key}=${value}`)
        .join(';'),
      binDir: this.directories.binDir,
      conf: {
        ...conf,
        type: plugin.type,
        name: list.name,
        cniVersion: list.cniVersion,
        ...(capabilities?.portMappings && pod.portMappings.length > 0
          ? { runtimeConfig: { portMappings: pod.portMappings } }
          : {}),
      },
    }
  }

  private async invoke(type: string, call: PluginCall): Promise<CniResult | null> {
    const path = join(this.directories.binDir, type)
    let own: boolean
    try {
      own = await isOwnPlugin(path)
    } catch (error) {
      if (isMissing(error)) throw new Error(`failed to find plugin "${type}" in path [${this.directories.binDir}]`)
      throw error
    }
    return own ? this.own.add(() => callOwnPlugin(type, call)) : execute(path, call)
  }
}

async function execute(path: string, call: PluginCall): Promise<CniResult | null> {
  const outcome = await attempt([path], {
    stdin: JSON.stringify(call.conf),
    env: {
      PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      CNI_COMMAND: call.command,
      CNI_CONTAINERID: call.containerId,
      CNI_NETNS: call.netns,
      CNI_IFNAME: call.ifName,
      CNI_ARGS: call.args,
      CNI_PATH: call.binDir,
    },
  })
  if (outcome.code !== 0)
    throw new Error(pluginError(outcome.stdout) ?? (outcome.stderr.trim() || `exit status ${outcome.code}`))
  return call.command === 'ADD' ? (JSON.parse(outcome.stdout) as CniResult) : null
}

function pluginError(stdout: string): string | null {
  try {
    const error = JSON.parse(stdout) as { msg?: string; details?: string }
    return error.msg === undefined ? null : [error.msg, error.details].filter(Boolean).join('; ')
  } catch {
    return null
  }
}

function parseLoopback(): NetworkList {
  const list = parseNetworkList(loopback, true)
  if (list === null) throw new Error('the loopback network list does not parse')
  return list
}

function cniArgs(pod: Attachment): [string, string][] {
  return [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', pod.namespace],
    ['K8S_POD_NAME', pod.name],
    ['K8S_POD_INFRA_CONTAINER_ID', pod.id],
    ['K8S_POD_UID', pod.uid],
  ]
}

function cachePath(network: string, id: string, ifName: string): string {
  return join(resultFolder, `${network}-${id}-${ifName}`)
}

/** libcni's cache entry (cniCacheV1). */
function cacheEntry(list: NetworkList, pod: Attachment, ifName: string, result: CniResult): string {
  return JSON.stringify({
    kind: 'cniCacheV1',
    containerId: pod.id,
    config: Buffer.from(list.source).toString('base64'),
    ifName,
    networkName: list.name,
    netns: pod.netns,
    cniArgs: cniArgs(pod),
    capabilityArgs: pod.portMappings.length > 0 ? { portMappings: pod.portMappings } : {},
    result,
  })
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
