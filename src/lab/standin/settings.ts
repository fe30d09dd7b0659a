import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { type Config, ConfigError, isSet, parseConfig, setting } from './config.ts'
import type { NodeContext } from './context.ts'
import { fatal, log } from './log.ts'

const configFile = '/etc/rancher/k3s/config.yaml'

export const version = 'v1.34.4+k3s1'

/** Reads the files that K3s would read for this call; a mistake in them ends the process as it ends the real one. */
export function loadConfig(role: 'server' | 'agent', argv: readonly string[]): Config {
  const dropIns = existsSync(`${configFile}.d`)
    ? readdirSync(`${configFile}.d`)
        .filter((name) => /\.ya?ml$/.test(name))
        .sort()
        .map((name) => `${configFile}.d/${name}`)
    : []
  const files = [...(existsSync(configFile) ? [configFile] : []), ...dropIns]
  try {
    const contents = files.map((path) => ({ path, text: readFileSync(path, 'utf8') }))
    const config = parseConfig({ role, argv, env: process.env, files: contents })
    for (const warning of config.warnings) log('warning', warning)
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`Incorrect Usage: ${error.message}\n\n`)
    fatal(error.message)
  }
}

export type ClusterSettings = NodeContext['cluster']

export function clusterSettings(config: Config): ClusterSettings {
  const flannelBackend = setting(config, 'flannel-backend', 'vxlan')
  if (flannelBackend !== 'vxlan' && flannelBackend !== 'none')
    fatal(`flannel-backend ${flannelBackend}: the stand-in knows vxlan and none only`)
  return {
    flannelBackend,
    disableNetworkPolicy: isSet(config, 'disable-network-policy'),
    disableKubeProxy: isSet(config, 'disable-kube-proxy'),
    clusterCidr: setting(config, 'cluster-cidr', '10.42.0.0/16'),
    serviceCidr: setting(config, 'service-cidr', '10.43.0.0/16'),
    clusterDns: setting(config, 'cluster-dns', '10.43.0.10'),
    clusterDomain: setting(config, 'cluster-domain', 'cluster.local'),
  }
}

export const nodeNameOf = (config: Config): string => setting(config, 'node-name', hostname()).toLowerCase()

/** The address given, or the first one that is not the loopback's, an overlay's or a pod bridge's. */
export function nodeIpOf(config: Config): string {
  const given = setting(config, 'node-ip', '')
  if (given !== '') return given
  const candidates = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(lo|flannel|cni|cilium|veth|lxc)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
  const found = candidates.find((address) => address.family === 'IPv4')
  if (!found) fatal('no default routes found in "/proc/net/route" or "/proc/net/ipv6_route"')
  return found.address
}

/** A password kept in a file, made on the first call. */
export function passwordFrom(path: string): string {
  if (!existsSync(path)) {
    mkdirSync(path.replace(/\/[^/]*$/, ''), { recursive: true, mode: 0o700 })
    writeFileSync(path, randomBytes(16).toString('hex'), { mode: 0o600 })
  }
  return readFileSync(path, 'utf8').trim()
}
