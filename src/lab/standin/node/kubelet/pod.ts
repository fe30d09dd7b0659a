import type { ApiObject } from '../../context.ts'

/** The parts of a pod that the kubelet reads. */
export interface ContainerDefinition {
  name: string
  image: string
  command?: string[]
  args?: string[]
  imagePullPolicy?: string
  ports?: { name?: string; containerPort: number; hostPort?: number; hostIP?: string; protocol?: string }[]
  env?: EnvVar[]
  envFrom?: { prefix?: string; configMapRef?: Reference; secretRef?: Reference }[]
  readinessProbe?: Probe
  volumeMounts?: { name: string }[]
}

export interface Reference {
  name: string
  optional?: boolean
}

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: {
    fieldRef?: { fieldPath: string }
    configMapKeyRef?: Reference & { key: string }
    secretKeyRef?: Reference & { key: string }
  }
}

export interface Probe {
  httpGet?: { host?: string; path?: string; port: number | string; scheme?: string }
  tcpSocket?: { host?: string; port: number | string }
  failureThreshold?: number
}

export interface Volume {
  name: string
  configMap?: { name: string; optional?: boolean; items?: KeyToPath[] }
  secret?: { secretName: string; optional?: boolean; items?: KeyToPath[] }
  projected?: {
    sources?: { configMap?: Reference & { items?: KeyToPath[] }; secret?: Reference & { items?: KeyToPath[] } }[]
  }
  hostPath?: { path: string; type?: string }
}

export interface KeyToPath {
  key: string
  path: string
}

export interface Pod {
  name: string
  namespace: string
  uid: string
  object: ApiObject
  hostNetwork: boolean
  restartPolicy: string
  graceMs: number
  initContainers: ContainerDefinition[]
  containers: ContainerDefinition[]
  volumes: Volume[]
  terminating: boolean
}

export function readPod(object: ApiObject): Pod {
  const spec = object.spec ?? {}
  const deletion = object.metadata as ApiObject['metadata'] & { deletionGracePeriodSeconds?: number }
  return {
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? 'default',
    uid: object.metadata.uid ?? '',
    object,
    hostNetwork: spec.hostNetwork === true,
    restartPolicy: spec.restartPolicy ?? 'Always',
    graceMs: Number(deletion.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30) * 1000,
    initContainers: spec.initContainers ?? [],
    containers: spec.containers ?? [],
    volumes: spec.volumes ?? [],
    terminating: object.metadata.deletionTimestamp !== undefined,
  }
}

export function podPath(pod: { namespace: string; name: string }): string {
  return `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`
}

/** A probe's or port's number, by name or as it is. */
export function portNumber(container: ContainerDefinition, port: number | string): number | null {
  if (typeof port === 'number') return port
  const named = container.ports?.find((one) => one.name === port)?.containerPort
  return named ?? (/^\d+$/.test(port) ? Number(port) : null)
}
