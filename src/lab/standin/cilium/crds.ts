import type { ApiObject } from '../context.ts'

const kinds: [
  plural: string,
  kind: string,
  scope: 'Cluster' | 'Namespaced',
  shortNames: string[],
  versions: string[],
][] = [
  ['ciliumnodes', 'CiliumNode', 'Cluster', ['cn', 'ciliumn'], ['v2']],
  ['ciliumendpoints', 'CiliumEndpoint', 'Namespaced', ['cep', 'ciliumep'], ['v2']],
  ['ciliumidentities', 'CiliumIdentity', 'Cluster', ['ciliumid'], ['v2']],
  ['ciliumnodeconfigs', 'CiliumNodeConfig', 'Namespaced', [], ['v2', 'v2alpha1']],
  ['ciliumnetworkpolicies', 'CiliumNetworkPolicy', 'Namespaced', ['cnp', 'ciliumnp'], ['v2']],
  ['ciliumclusterwidenetworkpolicies', 'CiliumClusterwideNetworkPolicy', 'Cluster', ['ccnp'], ['v2']],
  ['ciliumexternalworkloads', 'CiliumExternalWorkload', 'Cluster', ['cew'], ['v2']],
  ['ciliumcidrgroups', 'CiliumCIDRGroup', 'Cluster', ['ccg'], ['v2alpha1']],
  ['ciliumloadbalancerippools', 'CiliumLoadBalancerIPPool', 'Cluster', ['ippools', 'ippool'], ['v2alpha1']],
  ['ciliuml2announcementpolicies', 'CiliumL2AnnouncementPolicy', 'Cluster', ['l2announcement'], ['v2alpha1']],
  ['ciliumpodippools', 'CiliumPodIPPool', 'Cluster', ['cpip'], ['v2alpha1']],
]

/** CustomResourceDefinitions that the operator of 1.17 creates, and an uninstall leaves; their schemas are left open. */
export const ciliumCrds: readonly ApiObject[] = kinds.map(([plural, kind, scope, shortNames, versions]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.cilium.io`, labels: { 'io.cilium.k8s.crd.schema.version': '1.31.11' } },
  spec: {
    group: 'cilium.io',
    names: { categories: ['cilium'], kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames },
    scope,
    versions: versions.map((name, index) => ({
      name,
      served: true,
      storage: index === 0,
      schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    })),
  },
}))
