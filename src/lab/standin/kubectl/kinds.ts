import type { Client } from '../client.ts'

/** A kind of object that the server says it has. */
export interface Kind {
  name: string
  singularName: string
  shortNames: string[]
  kind: string
  namespaced: boolean
  group: string
  groupVersion: string
}

interface Listed {
  groups?: { name: string; versions: { groupVersion: string }[] }[]
  resources?: { name: string; singularName: string; shortNames?: string[]; kind: string; namespaced: boolean }[]
}

export async function kinds(client: Client): Promise<Kind[]> {
  const read = async (path: string): Promise<Listed> => JSON.parse(await client.raw(path))
  const { groups = [] } = await read('/apis')
  const versions = [
    { group: '', groupVersion: 'v1', path: '/api/v1' },
    ...groups.flatMap(({ name, versions: served }) =>
      served.map(({ groupVersion }) => ({ group: name, groupVersion, path: `/apis/${groupVersion}` })),
    ),
  ]
  const lists = await Promise.all(
    versions.map(async ({ group, groupVersion, path }) =>
      ((await read(path)).resources ?? [])
        .filter((resource) => !resource.name.includes('/'))
        .map((resource) => ({ ...resource, shortNames: resource.shortNames ?? [], group, groupVersion })),
    ),
  )
  return lists.flat()
}

export function pathFor(kind: Kind, namespace: string | undefined, name?: string): string {
  const root = kind.group === '' ? `/api/${kind.groupVersion}` : `/apis/${kind.groupVersion}`
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : ''
  return `${root}${scope}/${kind.name}${name === undefined ? '' : `/${name}`}`
}
