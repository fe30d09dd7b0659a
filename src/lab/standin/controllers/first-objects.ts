import type { Operations } from '../api/operations.ts'
import { builtInType } from '../api/resources.ts'
import { ApiError, type ApiObject } from '../context.ts'

/** Creates what every K3s cluster has from its first start; what is there already stays. */
export async function createFirstObjects(operations: Operations): Promise<void> {
  for (const object of firstObjects()) {
    const { kind, metadata } = object
    const type = builtInType(plurals[kind] ?? '')
    await operations.create(type, metadata.namespace, object).catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.code !== 409) throw error
    })
  }
}

const plurals: Record<string, string> = {
  Namespace: 'namespaces',
  Service: 'services',
  CustomResourceDefinition: 'customresourcedefinitions',
  PriorityClass: 'priorityclasses',
}

function firstObjects(): ApiObject[] {
  const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }))
  const kubernetes = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { clusterIP: '10.43.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }] },
  }
  const classes = [
    { name: 'system-node-critical', value: 2000001000 },
    { name: 'system-cluster-critical', value: 2000000000 },
  ].map(({ name, value }) => ({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value }))
  return [
    ...namespaces,
    kubernetes,
    ...classes,
    definition('helm.cattle.io', 'HelmChart', 'helmcharts', 'Namespaced', ['hc']),
    definition('helm.cattle.io', 'HelmChartConfig', 'helmchartconfigs', 'Namespaced', ['hcc']),
    definition('k3s.cattle.io', 'Addon', 'addons', 'Namespaced', []),
    definition('k3s.cattle.io', 'ETCDSnapshotFile', 'etcdsnapshotfiles', 'Cluster', []),
  ]
}

function definition(group: string, kind: string, plural: string, scope: string, shortNames: string[]): ApiObject {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
    },
  }
}
