import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { timestamp } from './api/operations.ts'
import type { Config } from './config.ts'
import type { ApiObject } from './context.ts'
import { version } from './settings.ts'

export interface NodeIdentity {
  name: string
  ip: string
  role: 'server' | 'agent'
  /** Servers only. */
  etcdName?: string
  config: Config
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** SHA-256 in base32 with padding, the form of k3s.io/node-config-hash. */
function configHash(text: string): string {
  const bits = [...createHash('sha256').update(text).digest()].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const words = bits.match(/.{1,5}/g) ?? []
  return `${words.map((word) => base32[Number.parseInt(word.padEnd(5, '0'), 2)]).join('')}====`
}

export function annotationsOf(node: NodeIdentity): Record<string, string> {
  const args = JSON.stringify(node.config.nodeArgs)
  const env = JSON.stringify(node.config.nodeEnv)
  return {
    'k3s.io/hostname': node.name,
    'k3s.io/internal-ip': node.ip,
    'k3s.io/node-args': args,
    'k3s.io/node-config-hash': configHash(args + env),
    'k3s.io/node-env': env,
    'node.alpha.kubernetes.io/ttl': '0',
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    ...(node.etcdName === undefined
      ? {}
      : { 'etcd.k3s.cattle.io/node-address': node.ip, 'etcd.k3s.cattle.io/node-name': node.etcdName }),
  }
}

export function labelsOf(node: NodeIdentity): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/instance-type': 'k3s',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    'node.kubernetes.io/instance-type': 'k3s',
    ...(node.role === 'server'
      ? { 'node-role.kubernetes.io/control-plane': 'true', 'node-role.kubernetes.io/etcd': 'true' }
      : {}),
  }
}

/** A node that registers for the first time. */
export function newNode(node: NodeIdentity): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: labelsOf(node),
      annotations: annotationsOf(node),
      finalizers: [
        ...(node.role === 'server' ? ['wrangler.cattle.io/managed-etcd-controller'] : []),
        'wrangler.cattle.io/node',
      ],
    },
    spec: {
      providerID: `k3s://${node.name}`,
      taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
    },
  }
}

/** The status a kubelet reports at its start, but for the conditions. */
export function nodeStatus(node: NodeIdentity): Record<string, unknown> {
  const resources = {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    'ephemeral-storage': '64212084Ki',
    pods: '110',
  }
  const machineId = readText('/etc/machine-id')
  return {
    addresses: [
      { type: 'InternalIP', address: node.ip },
      { type: 'Hostname', address: node.name },
    ],
    capacity: resources,
    allocatable: resources,
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      architecture: 'amd64',
      bootID: readText('/proc/sys/kernel/random/boot_id'),
      containerRuntimeVersion: 'containerd://2.1.5-k3s1',
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: version,
      machineID: machineId,
      operatingSystem: 'linux',
      osImage: 'Debian GNU/Linux 12 (bookworm)',
      systemUUID: machineId,
    },
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
}

/** The conditions with one set anew; its transition time moves only when its status does. */
export function withCondition(
  conditions: readonly Record<string, unknown>[],
  wanted: Condition,
): Record<string, unknown>[] {
  const now = timestamp()
  const before = conditions.find((condition) => condition.type === wanted.type)
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : now
  const set = { ...wanted, lastHeartbeatTime: now, lastTransitionTime }
  return before ? conditions.map((condition) => (condition === before ? set : condition)) : [...conditions, set]
}

export const kubeletConditions: readonly Condition[] = [
  {
    type: 'MemoryPressure',
    status: 'False',
    reason: 'KubeletHasSufficientMemory',
    message: 'kubelet has sufficient memory available',
  },
  {
    type: 'DiskPressure',
    status: 'False',
    reason: 'KubeletHasNoDiskPressure',
    message: 'kubelet has no disk pressure',
  },
  {
    type: 'PIDPressure',
    status: 'False',
    reason: 'KubeletHasSufficientPID',
    message: 'kubelet has sufficient PID available',
  },
]
