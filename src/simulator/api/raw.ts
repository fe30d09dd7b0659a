import type { Answer, ClusterState } from '../cluster/state.ts'
import { objectsOf } from './views.ts'

/** What may lie in namespaces here, by plurals. */
const inNamespaces: Readonly<Record<string, string>> = {
  ...{ pods: 'Pod', services: 'Service', secrets: 'Secret', configmaps: 'ConfigMap' },
}

/** What a GET of a path is answered with: versions, discovery, and objects of the core group. */
export function rawAnswer(state: ClusterState, path: string): Answer {
  const said = (body: unknown): Answer => ({ kind: 'raw', status: 200, body: JSON.stringify(body) })
  const nothing: Answer = { kind: 'raw', status: 404, body: '' }
  if (path === '/version') return said({ gitVersion: 'v1.31.4+k3s1' })
  if (path === '/apis') return said({ groups: [] })
  if (path === '/api/v1') {
    const verbs = ['delete', 'get', 'list']
    const resources = Object.entries(inNamespaces).map(([name, kind]) => ({ name, kind, namespaced: true, verbs }))
    return said({ resources })
  }
  if (path === '/apis/cilium.io/v2') {
    const { kinds } = state.cilium
    return kinds.length === 0 ? nothing : said({ resources: kinds.map((name) => ({ name })) })
  }
  const [found, namespace, plural, name] =
    /^\/api\/v1\/namespaces\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(path) ?? []
  if (found === undefined) return nothing
  const items =
    plural === undefined
      ? objectsOf(state, 'Namespace')
      : objectsOf(state, inNamespaces[plural] ?? '').filter(({ metadata }) => metadata.namespace === namespace)
  const asked = plural === undefined ? namespace : name
  if (asked === undefined) return said({ items })
  const one = items.find(({ metadata }) => metadata.name === asked)
  return one === undefined ? nothing : said(one)
}
