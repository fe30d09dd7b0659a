import { stringify } from 'yaml'
import type { PlannedNode } from './layout.ts'
import { version } from './standin/settings.ts'

/**
 * Where a node's K3s is told what. `default`: what tells a node from the others stands in ExecStart, the rest in config.yaml,
 * and nothing says flannel or network policy. `execstart` and `config.yaml`: everything stands there, flannel-backend and
 * disable-network-policy among it.
 */
export type K3sConfigPlace = 'default' | 'execstart' | 'config.yaml'

export interface K3sSettings {
  node: PlannedNode
  /** Address of the first server. */
  firstServer: string
  token: string
  place: K3sConfigPlace
  /** Packaged components that are not deployed. */
  disable: readonly string[]
}

export interface NodeFile {
  path: string
  content: string
  mode: number
}

type Setting = readonly [key: string, value: string | boolean | readonly string[]]

/** The files that install.sh and an operator leave on a node (install.sh: create_systemd_service_file, create_env_file). */
export function k3sFiles(settings: K3sSettings): NodeFile[] {
  const { node, firstServer, token, place } = settings
  const isServer = node.role === 'server'
  const isFirst = node.address === firstServer
  const url = `https://${firstServer}:6443`
  const joining: Setting[] = !isServer ? [] : isFirst ? [['cluster-init', true]] : [['server', url]]
  const network: Setting[] = [
    ['flannel-backend', 'vxlan'],
    ['disable-network-policy', false],
  ]
  const common: Setting[] = [['node-ip', node.address]]
  if (isServer && settings.disable.length > 0) common.push(['disable', settings.disable])

  const all = isServer ? [...joining, ...common, ...network] : common
  const inExecStart = place === 'default' ? joining : place === 'execstart' ? all : []
  const inConfig = place === 'default' ? common : place === 'config.yaml' ? all : []

  const service = isServer ? 'k3s' : 'k3s-agent'
  const environment = isServer
    ? [['K3S_TOKEN', token]]
    : [
        ['K3S_TOKEN', token],
        ['K3S_URL', url],
      ]
  const unit = `/etc/systemd/system/${service}.service`
  return [
    { path: unit, content: unitFile(unit, node.role, inExecStart.flatMap(asArguments)), mode: 0o644 },
    { path: `${unit}.env`, content: environment.map(([key, value]) => `${key}='${value}'\n`).join(''), mode: 0o600 },
    ...(inConfig.length === 0
      ? []
      : [{ path: '/etc/rancher/k3s/config.yaml', content: stringify(Object.fromEntries(inConfig)), mode: 0o600 }]),
  ]
}

function asArguments([key, value]: Setting): string[] {
  if (value === true) return [`--${key}`]
  if (value === false) return [`--${key}=false`]
  return (typeof value === 'string' ? [value] : value).flatMap((one) => [`--${key}`, one])
}

/** Byte for byte install.sh's form: a tab, the quoted word and a backslash a line, ended by an empty line. */
function unitFile(path: string, command: string, args: readonly string[]): string {
  const quoted = args.map((word) => `\t'${word.replaceAll("'", "'\\''")}' \\\n`).join('')
  return `[Unit]
Description=Lightweight Kubernetes
Documentation=https://k3s.io
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-${path}.env
KillMode=process
Delegate=yes
User=root
# Having non-zero Limit*s causes performance problems due to accounting overhead
# in the kernel. We recommend using cgroups to do container-local accounting.
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/k3s \\
    ${command} \\
${quoted}
`
}

/** /usr/local/bin/k3s of a node without a real K3s. `entry`: the stand-in's program as the node sees it. */
export function standinWrapper(entry: string): string {
  return `#!/bin/sh
# The lab's stand-in for K3s. Its version is asked for again and again, by programs that expect no more than a moment's wait.
case \${0##*/}:$1 in k3s:--version | k3s:-v) printf 'k3s version ${version} (practice)\\ngo version go1.24.12\\n'; exit ;; esac
# Asked dozens of times a minute: compiled once.
export NODE_COMPILE_CACHE=/var/cache/migrate-lab
STANDIN_ARGV0=\${0##*/} exec /usr/lib/migrate-lab/bin/node ${entry} "$@"
`
}
