import type { PluginConf } from './directories.ts'

/** What a plugin is asked, as the CNI protocol says it: environment and conf on stdin. */
export interface PluginCall {
  command: 'ADD' | 'DEL'
  containerId: string
  /** Path of the network namespace; empty for a DEL whose namespace is gone. */
  netns: string
  ifName: string
  /** CNI_ARGS. */
  args: string
  /** CNI_PATH. */
  binDir: string
  conf: PluginConf & { name: string; cniVersion: string; prevResult?: CniResult; runtimeConfig?: RuntimeConfig }
}

export interface RuntimeConfig {
  portMappings?: PortMapping[]
}

export interface PortMapping {
  hostPort: number
  containerPort: number
  protocol: string
  hostIP?: string
}

export interface CniResult {
  cniVersion: string
  interfaces: { name: string; mac: string; mtu?: number; sandbox?: string }[]
  ips: { address: string; gateway?: string; interface?: number; version?: string }[]
  routes?: { dst: string; gw?: string }[]
  dns: Record<string, unknown>
}

/** The namespace's name, as `ip -n` takes it. */
export function netnsName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
