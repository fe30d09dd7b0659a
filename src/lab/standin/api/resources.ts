import type { ApiObject } from '../context.ts'

/** A kind of object the API serves. */
export interface ResourceType {
  group: string
  version: string
  plural: string
  singular: string
  kind: string
  namespaced: boolean
  shortNames: readonly string[]
  /** Has a /status of its own: writes elsewhere leave the status alone. */
  status: boolean
  /** Comes from a CustomResourceDefinition. */
  custom: boolean
}

const type = (
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced: boolean,
  shortNames: readonly string[] = [],
  status = false,
): ResourceType => ({
  group,
  version,
  plural,
  singular: kind.toLowerCase(),
  kind,
  namespaced,
  shortNames,
  status,
  custom: false,
})

export const builtIn: readonly ResourceType[] = [
  type('', 'v1', 'namespaces', 'Namespace', false, ['ns'], true),
  type('', 'v1', 'nodes', 'Node', false, ['no'], true),
  type('', 'v1', 'pods', 'Pod', true, ['po'], true),
  type('', 'v1', 'services', 'Service', true, ['svc'], true),
  type('', 'v1', 'endpoints', 'Endpoints', true, ['ep']),
  type('', 'v1', 'configmaps', 'ConfigMap', true, ['cm']),
  type('', 'v1', 'secrets', 'Secret', true),
  type('', 'v1', 'serviceaccounts', 'ServiceAccount', true, ['sa']),
  type('', 'v1', 'events', 'Event', true, ['ev']),
  type('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', true, ['pvc'], true),
  type('', 'v1', 'persistentvolumes', 'PersistentVolume', false, ['pv'], true),
  type('apps', 'v1', 'deployments', 'Deployment', true, ['deploy'], true),
  type('apps', 'v1', 'replicasets', 'ReplicaSet', true, ['rs'], true),
  type('apps', 'v1', 'daemonsets', 'DaemonSet', true, ['ds'], true),
  type('apps', 'v1', 'statefulsets', 'StatefulSet', true, ['sts'], true),
  type('batch', 'v1', 'jobs', 'Job', true, [], true),
  type('batch', 'v1', 'cronjobs', 'CronJob', true, ['cj'], true),
  type('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy', true, ['netpol']),
  type('networking.k8s.io', 'v1', 'ingresses', 'Ingress', true, ['ing'], true),
  type('coordination.k8s.io', 'v1', 'leases', 'Lease', true),
  type('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', true),
  type('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true, ['pdb'], true),
  type('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false),
  type('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  type('rbac.authorization.k8s.io', 'v1', 'roles', 'Role', true),
  type('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding', true),
  type('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', false, ['sc']),
  type('scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass', false, ['pc']),
  type(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
    false,
    ['crd', 'crds'],
    true,
  ),
]

/** Collections live under one folder each; custom ones carry their group, so that two groups may share a plural. */
export function prefixOf(resource: ResourceType, namespace?: string): string {
  const group = resource.custom ? `${resource.group}/` : ''
  return `/registry/${group}${resource.plural}/${namespace === undefined ? '' : `${namespace}/`}`
}

export function keyOf(resource: ResourceType, namespace: string | undefined, name: string): string {
  return `${prefixOf(resource, resource.namespaced ? namespace : undefined)}${name}`
}

export const apiVersionOf = (resource: ResourceType): string =>
  resource.group === '' ? resource.version : `${resource.group}/${resource.version}`

/** The kinds that a CustomResourceDefinition adds, one for each version served. */
export function customTypes(definition: ApiObject): ResourceType[] {
  const { group, names, scope, versions } = definition.spec
  const served: { name: string; served: boolean; subresources?: { status?: object } }[] = versions ?? []
  return served
    .filter((version) => version.served)
    .map((version) => ({
      group,
      version: version.name,
      plural: names.plural,
      singular: names.singular ?? String(names.kind).toLowerCase(),
      kind: names.kind,
      namespaced: scope === 'Namespaced',
      shortNames: names.shortNames ?? [],
      status: version.subresources?.status !== undefined,
      custom: true,
    }))
}

/** Names of collections, as controllers have them, by `apiVersion/Kind`. */
export const collectionsOf = (types: readonly ResourceType[]): Map<string, string> =>
  new Map(
    types.map((type) => [
      `${apiVersionOf(type)}/${type.kind}`,
      type.custom ? `${type.group}/${type.plural}` : type.plural,
    ]),
  )

export function builtInType(plural: string): ResourceType {
  const found = builtIn.find((resource) => resource.plural === plural)
  if (!found) throw new Error(`no built-in resource ${plural}`)
  return found
}
