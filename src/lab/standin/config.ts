import { parseDocument } from 'yaml'

/**
 * How K3s puts its configuration together: values of config.yaml and its drop-ins become flags in front of those of the
 * command line, environment variables count only for flags given nowhere. https://docs.k3s.io/installation/configuration
 */

type Kind = 'string' | 'list' | 'bool'
interface Flag {
  kind: Kind
  /** `server`: an agent that meets it dies of `flag provided but not defined`. */
  only?: 'server' | 'agent'
  env?: string
}

const string: Flag = { kind: 'string' }
const list: Flag = { kind: 'list' }
const bool: Flag = { kind: 'bool' }
const server = (flag: Flag): Flag => ({ ...flag, only: 'server' })

const flags: Record<string, Flag> = {
  config: string,
  debug: bool,
  v: string,
  log: string,
  'data-dir': string,
  token: { kind: 'string', env: 'K3S_TOKEN' },
  'token-file': { kind: 'string', env: 'K3S_TOKEN_FILE' },
  server: { kind: 'string', env: 'K3S_URL' },
  'node-name': { kind: 'string', env: 'K3S_NODE_NAME' },
  'node-ip': list,
  'node-external-ip': list,
  'node-label': list,
  'node-taint': list,
  'kubelet-arg': list,
  'kube-proxy-arg': list,
  'flannel-iface': string,
  'flannel-conf': string,
  'flannel-cni-conf': string,
  'resolv-conf': string,
  'protect-kernel-defaults': bool,
  selinux: bool,
  'prefer-bundled-bin': bool,
  'private-registry': string,
  'pause-image': string,
  'lb-server-port': string,
  'agent-token': server(string),
  'cluster-init': server({ kind: 'bool', env: 'K3S_CLUSTER_INIT' }),
  'cluster-reset': server(bool),
  'cluster-reset-restore-path': server(string),
  'flannel-backend': server(string),
  'flannel-ipv6-masq': server(bool),
  'flannel-external-ip': server(bool),
  'disable-network-policy': server(bool),
  'disable-kube-proxy': server(bool),
  'disable-cloud-controller': server(bool),
  'disable-helm-controller': server(bool),
  disable: server(list),
  'cluster-cidr': server(list),
  'service-cidr': server(list),
  'service-node-port-range': server(string),
  'cluster-dns': server(list),
  'cluster-domain': server(string),
  'egress-selector-mode': server(string),
  'embedded-registry': server(bool),
  'secrets-encryption': server(bool),
  'bind-address': server(string),
  'https-listen-port': server(string),
  'advertise-address': server(string),
  'tls-san': server(list),
  'write-kubeconfig': server(string),
  'write-kubeconfig-mode': server({ kind: 'string', env: 'K3S_KUBECONFIG_MODE' }),
  'kube-apiserver-arg': server(list),
  'kube-controller-manager-arg': server(list),
  'kube-scheduler-arg': server(list),
  'etcd-arg': server(list),
  'etcd-expose-metrics': server(bool),
  'etcd-disable-snapshots': server(bool),
  'etcd-snapshot-schedule-cron': server(string),
  'etcd-snapshot-retention': server(string),
  'etcd-snapshot-dir': server(string),
  'etcd-snapshot-name': server(string),
}

const aliases: Record<string, string> = { t: 'token', s: 'server', c: 'config', d: 'data-dir', i: 'node-ip', l: 'log' }

/** The call or a file cannot be understood; K3s prints it and exits 1. */
export class ConfigError extends Error {}

export interface ConfigInput {
  role: 'server' | 'agent'
  /** What stands after `server` or `agent` on the command line. */
  argv: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  /** config.yaml first (if there), then the drop-ins in alphabetical order. */
  files: readonly { path: string; text: string }[]
}

export interface Config {
  role: 'server' | 'agent'
  /** Effective values by flag: the last one wins, lists are appended. */
  values: ReadonlyMap<string, readonly string[]>
  /** Annotation k3s.io/node-args: the flags as they were put together, secrets hidden. */
  nodeArgs: readonly string[]
  /** Annotation k3s.io/node-env. */
  nodeEnv: Readonly<Record<string, string>>
  warnings: readonly string[]
}

/** @throws {ConfigError} on an unknown flag (for agents also from a file), a missing value or a file that is not YAML. */
export function parseConfig(input: ConfigInput): Config {
  const warnings: string[] = []
  const fromFiles = fileFlags(input.files).filter(({ name }) => {
    const known = flags[name]
    if (input.role === 'agent' || (known && known.only !== 'agent')) return true
    warnings.push(`Unknown flag --${name} found in config.yaml, skipping`)
    return false
  })
  const args = [...fromFiles.map(({ name, value }) => `--${name}=${value}`), ...input.argv]
  const values = new Map<string, string[]>()
  for (const { name, value } of readFlags(args, input.role)) {
    const before = values.get(name)
    if (flags[name]?.kind === 'list' && before) before.push(...value.split(','))
    else values.set(name, flags[name]?.kind === 'list' ? value.split(',') : [value])
  }
  for (const [name, flag] of Object.entries(flags)) {
    const value = flag.env === undefined ? undefined : input.env[flag.env]
    if (value !== undefined && value !== '' && !values.has(name) && flag.only !== other(input.role))
      values.set(name, [value])
  }
  return { role: input.role, values, warnings, nodeArgs: maskArgs([input.role, ...args]), nodeEnv: maskEnv(input.env) }
}

const other = (role: 'server' | 'agent') => (role === 'server' ? 'agent' : 'server')

/** Later files replace a key, unless it carries `+`: https://docs.k3s.io/installation/configuration#multiple-config-files */
function fileFlags(files: ConfigInput['files']): { name: string; value: string }[] {
  const merged = new Map<string, string[]>()
  for (const { path, text } of files) {
    const document = parseDocument(text)
    const problem = document.errors[0]
    if (problem) throw new ConfigError(`${path}: ${problem.message}`)
    const data: unknown = document.toJS() ?? {}
    if (typeof data !== 'object' || Array.isArray(data)) throw new ConfigError(`${path}: expected a map of flags`)
    for (const [key, raw] of Object.entries(data as Record<string, unknown>)) {
      const name = key.replace(/\+$/, '')
      const value = (Array.isArray(raw) ? raw : [raw]).map((entry) => String(entry))
      merged.set(name, key.endsWith('+') ? [...(merged.get(name) ?? []), ...value] : value)
    }
  }
  return [...merged].flatMap(([name, value]) => value.map((entry) => ({ name, value: entry })))
}

function readFlags(args: readonly string[], role: 'server' | 'agent'): { name: string; value: string }[] {
  const read: { name: string; value: string }[] = []
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(word)
    if (!match) continue // K3s ignores stray words
    const name = aliases[match[1] ?? ''] ?? match[1] ?? ''
    const flag = flags[name]
    if (!flag || (flag.only !== undefined && flag.only !== role))
      throw new ConfigError(`flag provided but not defined: -${name}`)
    if (match[2] !== undefined) read.push({ name, value: match[2] })
    else if (flag.kind === 'bool') read.push({ name, value: 'true' })
    else {
      const value = args[++at]
      if (value === undefined) throw new ConfigError(`flag needs an argument: -${name}`)
      read.push({ name, value })
    }
  }
  return read
}

const hidden = '********'
const secretFlags = new Set(['--token', '-t', '--agent-token', '--datastore-endpoint', '--etcd-s3-secret-key'])

function maskArgs(args: readonly string[]): string[] {
  const words = args.flatMap((word) =>
    /^--[^=]+=/.test(word) ? [word.split('=', 1)[0] ?? '', word.replace(/^[^=]+=/, '')] : [word],
  )
  return words.map((word, at) => (secretFlags.has(words[at - 1] ?? '') ? hidden : word))
}

function maskEnv(env: ConfigInput['env']): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => name.startsWith('K3S_'))
  return Object.fromEntries(kept.map(([name, value]) => [name, /TOKEN|SECRET/.test(name) ? hidden : (value ?? '')]))
}

/** One value of a flag, or what K3s takes when nobody says anything. */
export function setting(config: Config, name: string, otherwise: string): string {
  return config.values.get(name)?.at(-1) ?? otherwise
}

export function isSet(config: Config, name: string): boolean {
  return config.values.get(name)?.at(-1) === 'true'
}

/** What all servers must agree on, compared when one joins: https://docs.k3s.io/cli/server#critical-configuration-values */
export function criticalValues(config: Config): Record<string, string> {
  return {
    'cluster-cidr': setting(config, 'cluster-cidr', '10.42.0.0/16'),
    'service-cidr': setting(config, 'service-cidr', '10.43.0.0/16'),
    'cluster-dns': setting(config, 'cluster-dns', '10.43.0.10'),
    'cluster-domain': setting(config, 'cluster-domain', 'cluster.local'),
    'flannel-backend': setting(config, 'flannel-backend', 'vxlan'),
    'flannel-ipv6-masq': String(isSet(config, 'flannel-ipv6-masq')),
    'flannel-external-ip': String(isSet(config, 'flannel-external-ip')),
    'disable-network-policy': String(isSet(config, 'disable-network-policy')),
    'disable-cloud-controller': String(isSet(config, 'disable-cloud-controller')),
    'disable-helm-controller': String(isSet(config, 'disable-helm-controller')),
    'egress-selector-mode': setting(config, 'egress-selector-mode', 'agent'),
    'embedded-registry': String(isSet(config, 'embedded-registry')),
    'secrets-encryption': String(isSet(config, 'secrets-encryption')),
  }
}
