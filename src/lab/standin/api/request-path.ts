/** What a resource path asks for: `/apis/apps/v1/namespaces/a/deployments/x/status`. */
export interface RequestPath {
  group: string
  version: string
  plural: string
  namespace?: string
  name?: string
  subresource?: string
}

const namespaceSubresources = new Set(['status', 'finalize'])

export function parseRequestPath(pathname: string): RequestPath | undefined {
  const parts = pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  const group = parts[0] === 'apis' ? parts[1] : ''
  const rest = parts[0] === 'apis' ? parts.slice(2) : parts[0] === 'api' ? parts.slice(1) : []
  const [version, ...path] = rest
  if (group === undefined || version === undefined || path[0] === undefined) return undefined
  const scoped =
    path[0] === 'namespaces' && path.length > 2 && !(path.length === 3 && namespaceSubresources.has(path[2] ?? ''))
  const [plural, name, subresource] = scoped ? path.slice(2) : path
  if (plural === undefined) return undefined
  return {
    group,
    version,
    plural,
    ...(scoped ? { namespace: path[1] ?? '' } : {}),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  }
}
