import { ApiError, type ApiObject } from '../context.ts'
import type { ResourceType } from './resources.ts'

/** What the API server fills in at creation, as far as somebody here reads it. */
export function applyDefaults(resource: ResourceType, object: ApiObject, all: (prefix: string) => ApiObject[]): void {
  if (resource.custom) return
  defaults[resource.plural]?.(object, all)
}

type Fill = (object: ApiObject, all: (prefix: string) => ApiObject[]) => void

// biome-ignore lint/suspicious/noExplicitAny: pod specs are read loosely here
type Loose = any

function podSpec(spec: Loose): void {
  spec.restartPolicy ??= 'Always'
  spec.dnsPolicy ??= 'ClusterFirst'
  spec.schedulerName ??= 'default-scheduler'
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= 30
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const latest =
      !/[:@]/.test(String(container.image).split('/').at(-1) ?? '') || String(container.image).endsWith(':latest')
    container.imagePullPolicy ??= latest ? 'Always' : 'IfNotPresent'
    container.resources ??= {}
    for (const port of container.ports ?? []) port.protocol ??= 'TCP'
  }
}

/** Admission gives every pod 300 s on a node that has gone, unless it says otherwise. */
function podTolerations(spec: Loose): void {
  spec.tolerations ??= []
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = spec.tolerations.some(
      (toleration: Loose) =>
        (toleration.key === key || toleration.key === undefined) &&
        (toleration.effect === 'NoExecute' || toleration.effect === undefined),
    )
    if (!tolerated) spec.tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })
  }
}

const template: Fill = (object) => {
  podSpec(object.spec.template.spec)
}

const defaults: Record<string, Fill> = {
  namespaces: (object) => {
    object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name }
    object.spec = { finalizers: ['kubernetes'] }
    object.status = { phase: 'Active' }
  },
  pods: (object) => {
    podSpec(object.spec)
    podTolerations(object.spec)
    object.spec.serviceAccountName ??= 'default'
    object.spec.serviceAccount ??= object.spec.serviceAccountName
    object.spec.enableServiceLinks ??= true
    object.spec.priority ??= 0
    object.status = { phase: 'Pending', qosClass: 'BestEffort' }
  },
  services: (object, all) => {
    const { name, namespace } = object.metadata
    const others = all('/registry/services/')
    service(
      object,
      others.filter((other) => other.metadata.name !== name || other.metadata.namespace !== namespace),
    )
  },
  deployments: (object, all) => {
    template(object, all)
    object.spec.replicas ??= 1
    object.spec.strategy ??= { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } }
    object.spec.revisionHistoryLimit ??= 10
  },
  replicasets: (object, all) => {
    template(object, all)
    object.spec.replicas ??= 1
  },
  daemonsets: (object, all) => {
    template(object, all)
    object.spec.updateStrategy ??= { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } }
  },
  jobs: (object, all) => {
    template(object, all)
    object.spec.parallelism ??= 1
    object.spec.completions ??= 1
    object.spec.backoffLimit ??= 6
    object.spec.suspend ??= false
  },
  cronjobs: (object) => {
    podSpec(object.spec.jobTemplate.spec.template.spec)
    object.spec.concurrencyPolicy ??= 'Allow'
    object.spec.suspend ??= false
    object.spec.successfulJobsHistoryLimit ??= 3
    object.spec.failedJobsHistoryLimit ??= 1
  },
  networkpolicies: (object) => {
    object.spec ??= {}
    object.spec.podSelector ??= {}
    object.spec.policyTypes ??= object.spec.egress ? ['Ingress', 'Egress'] : ['Ingress']
    for (const rule of [...(object.spec.ingress ?? []), ...(object.spec.egress ?? [])])
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP'
  },
  secrets: (object) => {
    object.type ??= 'Opaque'
    for (const [key, value] of Object.entries(object.stringData ?? {})) {
      object.data ??= {}
      object.data[key] = Buffer.from(String(value)).toString('base64')
    }
    delete object.stringData
  },
  customresourcedefinitions: (object) => {
    const { names } = object.spec
    names.singular ??= String(names.kind).toLowerCase()
    names.listKind ??= `${names.kind}List`
    const now = new Date().toISOString().replace(/\.\d+/, '')
    object.status = {
      acceptedNames: names,
      conditions: [
        {
          type: 'NamesAccepted',
          status: 'True',
          reason: 'NoConflicts',
          message: 'no conflicts found',
          lastTransitionTime: now,
        },
        {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
          lastTransitionTime: now,
        },
      ],
      storedVersions: object.spec.versions
        .filter((version: Loose) => version.storage)
        .map((version: Loose) => version.name),
    }
  },
}

function service(object: ApiObject, existing: ApiObject[]): void {
  const { spec } = object
  spec.type ??= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  spec.internalTrafficPolicy ??= 'Cluster'
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP'
    port.targetPort ??= port.port
  }
  if (spec.type === 'ExternalName') return
  const taken = new Set(existing.map((other) => String(other.spec?.clusterIP)))
  if (spec.clusterIP !== undefined && spec.clusterIP !== 'None' && taken.has(spec.clusterIP))
    throw new ApiError(
      422,
      `Service "${object.metadata.name}" is invalid: spec.clusterIPs: Invalid value: provided IP is already allocated`,
    )
  spec.clusterIP ??= freeAddress(taken)
  spec.clusterIPs = [spec.clusterIP]
  spec.ipFamilies ??= ['IPv4']
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (spec.type === 'ClusterIP') return
  spec.externalTrafficPolicy ??= 'Cluster'
  const ports = new Set(existing.flatMap((other) => (other.spec?.ports ?? []).map((port: Loose) => port.nodePort)))
  for (const port of spec.ports ?? []) {
    port.nodePort ??= candidate(ports)
    ports.add(port.nodePort)
  }
}

/** Like the real one, from the upper part of 10.43.0.0/16 and at random: the lower part is for addresses asked for. */
function freeAddress(taken: ReadonlySet<string>): string {
  for (;;) {
    const address = `10.43.${1 + Math.floor(Math.random() * 254)}.${1 + Math.floor(Math.random() * 254)}`
    if (!taken.has(address)) return address
  }
}

function candidate(taken: ReadonlySet<unknown>): number {
  for (;;) {
    const port = 30000 + Math.floor(Math.random() * 2768)
    if (!taken.has(port)) return port
  }
}
