import type { ResourceType } from './resources.ts'

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** The discovery document at a path, or undefined if it is none: /api, /apis, /api/v1, /apis/G, /apis/G/V. */
export function discovery(pathname: string, types: readonly ResourceType[], address: string): object | undefined {
  const parts = pathname.split('/').filter((part) => part !== '')
  if (pathname === '/api')
    return {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
    }
  if (parts[0] === 'api') return parts.length === 2 && parts[1] === 'v1' ? resourceList('', 'v1', types) : undefined
  if (parts[0] !== 'apis') return undefined
  const groups = [...new Set(types.map((type) => type.group))].filter((group) => group !== '')
  if (parts.length === 1)
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => describeGroup(group, types)) }
  const [, group = '', version] = parts
  if (!groups.includes(group)) return undefined
  if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(group, types) }
  return parts.length === 3 ? resourceList(group, version, types) : undefined
}

function describeGroup(name: string, types: readonly ResourceType[]) {
  const served = types.filter((type) => type.group === name).map((type) => type.version)
  const versions = [...new Set(served)]
    .toSorted((one, two) => priority(two) - priority(one))
    .map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions, preferredVersion: versions[0] }
}

/** v2 before v1 before v1beta1 before v1alpha1, as the API server prefers them. */
function priority(version: string): number {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  if (!match) return -1
  const stability = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0
  return stability * 10_000 + Number(match[1]) * 100 + Number(match[3] ?? 0)
}

function resourceList(group: string, version: string, types: readonly ResourceType[]): object | undefined {
  const served = types.filter((type) => type.group === group && type.version === version)
  if (served.length === 0) return undefined
  const resources = served.flatMap((type) => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs,
      ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
    },
    ...(type.status ? [subresource(type, 'status', type.kind, ['get', 'patch', 'update'])] : []),
    ...(type.kind === 'Namespace' && !type.custom ? [subresource(type, 'finalize', type.kind, ['update'])] : []),
    ...(type.plural === 'pods'
      ? [
          { ...subresource(type, 'eviction', 'Eviction', ['create']), group: 'policy', version: 'v1' },
          subresource(type, 'log', 'Pod', ['get']),
          subresource(type, 'binding', 'Binding', ['create']),
        ]
      : []),
  ])
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources,
  }
}

const subresource = (type: ResourceType, name: string, kind: string, allowed: readonly string[]) => ({
  name: `${type.plural}/${name}`,
  singularName: '',
  namespaced: type.namespaced,
  kind,
  verbs: allowed,
})
