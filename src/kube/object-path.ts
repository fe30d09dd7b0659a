/** Where the API serves an object. */
export interface ObjectPlace {
  /** `v1`, `apps/v1` */
  apiVersion: string
  /** `deployments` */
  plural: string
  /** null: its kind is not namespaced. */
  namespace: string | null
  name: string
}

/** Of one object; without a name, of all of its kind in the namespace. */
export function objectPath({
  apiVersion,
  plural,
  namespace,
  name,
}: Omit<ObjectPlace, 'name'> & { name?: string }): string {
  const group = apiVersion.includes('/') ? ['apis', ...apiVersion.split('/')] : ['api', apiVersion]
  const within = namespace === null ? [] : ['namespaces', namespace]
  const parts = [...group, ...within, plural, ...(name === undefined ? [] : [name])]
  return `/${parts.map(encodeURIComponent).join('/')}`
}
