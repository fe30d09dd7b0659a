import { stringify } from 'yaml'
import type { Program } from '../images.ts'

/** Objects of the practice clusters, as far as they are alike. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  spec?: Record<string, unknown>
}

export interface Port {
  name?: string
  containerPort: number
  hostPort?: number
  protocol: 'TCP' | 'UDP'
}

export interface Container extends Program {
  name: string
  ports?: Port[]
  env?: { name: string; value: string }[]
}

export interface PodOptions {
  hostNetwork?: true
  /** Names of the nodes that it may be on. */
  nodes?: readonly string[]
  /** Its replicas are never on one node. */
  apart?: true
}

type Labels = Record<string, string>
interface Named {
  namespace: string
  name: string
}

/** One YAML text for `kubectl apply -f -`. */
export const toYaml = (objects: readonly Manifest[]): string =>
  objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n')

export const namespace = (name: string, labels: Labels = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
})

export const tcp = (port: number, name = 'web'): Port => ({ name, containerPort: port, protocol: 'TCP' })

/** One container that listens, named for its app. */
export const server = (name: string, program: Program, ports: Port[] = [tcp(8080)]): Container => ({
  name,
  ...program,
  ports,
})

function template(labels: Labels, containers: readonly Container[], options: PodOptions): Record<string, unknown> {
  const { hostNetwork, nodes, apart } = options
  const affinity = {
    ...(nodes === undefined ? {} : { nodeAffinity: onNodes(nodes) }),
    ...(apart === undefined ? {} : { podAntiAffinity: apartFrom(labels) }),
  }
  return {
    metadata: { labels },
    spec: {
      // The practice pods have nothing to finish: a real one would otherwise be waited for 30 s.
      terminationGracePeriodSeconds: 1,
      ...(hostNetwork === undefined ? {} : { hostNetwork, dnsPolicy: 'ClusterFirstWithHostNet' }),
      ...(Object.keys(affinity).length === 0 ? {} : { affinity }),
      containers: containers.map((container) => ({ ...container, imagePullPolicy: 'IfNotPresent' })),
    },
  }
}

const onNodes = (names: readonly string[]) => ({
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: names }] }],
  },
})

const apartFrom = (labels: Labels) => ({
  requiredDuringSchedulingIgnoredDuringExecution: [
    { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } },
  ],
})

/** Selected by its label `app`, which is its name; `labels` come on top. */
export function deployment(
  { namespace, name, replicas = 1, labels = {} }: Named & { replicas?: number; labels?: Labels },
  containers: readonly Container[],
  options: PodOptions = {},
): Manifest {
  const own = { app: name, ...labels }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: own },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(own, containers, options) },
  }
}

/** On every node, or on those of `options`; tolerates everything. */
export function daemonSet(
  { namespace, name, labels = {} }: Named & { labels?: Labels },
  containers: readonly Container[],
  options: PodOptions = {},
): Manifest {
  const own = { app: name, ...labels }
  const pod = template(own, containers, options)
  const spec = { tolerations: [{ operator: 'Exists' }], ...(pod.spec as object) }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace, labels: own },
    spec: { selector: { matchLabels: { app: name } }, template: { ...pod, spec } },
  }
}

/** Its pods run a command and end; one Job of each ending is kept. */
export function cronJob(
  { namespace, name, schedule }: Named & { schedule: string },
  program: Program,
  ports?: Port[],
  options: PodOptions = {},
): Manifest {
  const pod = template({ app: name }, [{ name, ...program, ...(ports === undefined ? {} : { ports }) }], options)
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      schedule,
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        spec: { backoffLimit: 1, template: { ...pod, spec: { restartPolicy: 'Never', ...(pod.spec as object) } } },
      },
    },
  }
}

export interface ServicePort {
  name?: string
  port: number
  targetPort: number
  protocol?: 'TCP' | 'UDP'
  nodePort?: number
}

/** Selects by the label `app`, its name unless told otherwise. */
export function service(
  { namespace, name, app = name, headless }: Named & { app?: string; headless?: true },
  ports: readonly ServicePort[],
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { app } },
    spec: {
      type: ports.some((port) => port.nodePort !== undefined) ? 'NodePort' : 'ClusterIP',
      ...(headless === undefined ? {} : { clusterIP: 'None' }),
      selector: { app },
      ports: ports.map((port) => ({ name: 'web', protocol: 'TCP', ...port })),
    },
  }
}

export interface PolicySpec {
  podSelector: Selector
  policyTypes: ('Ingress' | 'Egress')[]
  ingress?: { from?: Peer[]; ports?: PolicyPort[] }[]
  egress?: { to?: Peer[]; ports?: PolicyPort[] }[]
}
export interface Selector {
  matchLabels?: Labels
  matchExpressions?: { key: string; operator: 'In'; values: string[] }[]
}
export interface Peer {
  podSelector?: Selector
  namespaceSelector?: Selector
  ipBlock?: { cidr: string; except?: string[] }
}
export interface PolicyPort {
  port: number | string
  protocol: 'TCP' | 'UDP'
}

export const policy = (namespace: string, name: string, spec: PolicySpec): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec: { ...spec },
})

export const app = (name: string): Selector => ({ matchLabels: { app: name } })
export const namespaceCalled = (name: string): Selector => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })
export const tcpPort = (port: number | string): PolicyPort => ({ port, protocol: 'TCP' })
export const dnsPorts: PolicyPort[] = [{ port: 53, protocol: 'UDP' }, tcpPort(53)]
/** An egress rule that lets names be asked for. */
export const toDns = { to: [{ namespaceSelector: namespaceCalled('kube-system') }], ports: dnsPorts }
/** An egress rule to what is not of this cluster: no pod, no node. */
export const toInternet = {
  to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32', '10.0.0.0/8', '192.168.0.0/16'] } }],
  ports: [tcpPort(443)],
}

/** What K3s' packaged CoreDNS looks like from outside: labels, names, address. None for a K3s that brings its own. */
export function clusterDns(program: Program | undefined): Manifest[] {
  if (program === undefined) return []
  const labels = { 'k8s-app': 'kube-dns' }
  const ports: Port[] = [
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
    { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
  ]
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'coredns', namespace: 'kube-system', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            priorityClassName: 'system-cluster-critical',
            tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
            containers: [{ name: 'coredns', ...program, imagePullPolicy: 'IfNotPresent', ports }],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system', labels },
      spec: {
        selector: labels,
        clusterIP: '10.43.0.10',
        clusterIPs: ['10.43.0.10'],
        type: 'ClusterIP',
        ports: [
          { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, targetPort: 53, protocol: 'TCP' },
        ],
      },
    },
  ]
}
