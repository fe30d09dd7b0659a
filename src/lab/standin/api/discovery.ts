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
  const versions = [...new Set(types.filter((type) => type.group === name).map((type) => type.version))].map(
    (version) => ({
      groupVersion: `${name}/${version}`,
      version,
    }),
  )
  return { name, versions, preferredVersion: versions[0] }
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
