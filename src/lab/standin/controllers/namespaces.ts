import { collectionsOf, type ResourceType } from '../api/resources.ts'
import type { ApiObject } from '../context.ts'
import { withCondition } from '../node-object.ts'
import { type Action, statusIfChanged, target, type View } from './model.ts'

/** Empties namespaces that are being deleted, says what remains in them and why, and lets go of those that are empty. */
export function namespaces(types: () => readonly ResourceType[]): (view: View) => Action[] {
  return (view) => {
    const dying = view.all('namespaces').filter((namespace) => namespace.metadata.deletionTimestamp !== undefined)
    if (dying.length === 0) return []
    const all = [...view.everything()]
    const collections = collectionsOf(types())
    const collectionOf = (object: ApiObject) => collections.get(`${object.apiVersion}/${object.kind}`)
    return dying.flatMap((namespace): Action[] => {
      const inside = all.filter((object) => object.metadata.namespace === namespace.metadata.name)
      if (inside.length === 0) return [{ do: 'finalize', name: namespace.metadata.name }]
      const deletions = inside.flatMap((object): Action[] => {
        const collection = collectionOf(object)
        if (collection === undefined || object.metadata.deletionTimestamp !== undefined) return []
        return [{ do: 'delete', collection, ...target(object), uid: object.metadata.uid ?? '' }]
      })
      return [...deletions, ...remainingSaid(namespace, inside)]
    })
  }
}

/** `configmaps. has 1 resource instances`, counted and sorted as the real controller words it. */
function counted(names: readonly string[], say: (name: string, count: number) => string): string {
  const counts = Map.groupBy(names, (name) => name)
  return [...counts]
    .map(([name, { length }]) => say(name, length))
    .sort()
    .join(', ')
}

function remainingSaid(namespace: ApiObject, inside: readonly ApiObject[]): Action[] {
  const resources = inside.map(({ apiVersion, kind }) => {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
    return `${kind.toLowerCase()}s.${group}`
  })
  const finalizers = inside.flatMap(({ metadata }) => metadata.finalizers ?? [])
  const conditions = [
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${counted(resources, (name, count) => `${name} has ${count} resource instances`)}`,
    } as const,
    finalizers.length > 0
      ? ({
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${counted(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
        } as const)
      : ({
          type: 'NamespaceFinalizersRemaining',
          status: 'False',
          reason: 'ContentHasNoFinalizers',
          message: 'All content-preserving finalizers finished',
        } as const),
  ]
  const before: { type: string; message?: string }[] = namespace.status?.conditions ?? []
  const isSaid = conditions.every(({ type, message }) =>
    before.some((one) => one.type === type && one.message === message),
  )
  if (isSaid) return []
  return statusIfChanged('namespaces', namespace, {
    conditions: conditions.reduce((said, one) => withCondition(said, one), before as Record<string, unknown>[]),
  })
}
