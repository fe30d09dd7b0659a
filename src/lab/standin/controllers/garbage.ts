import { apiVersionOf, type ResourceType } from '../api/resources.ts'
import type { Action, View } from './model.ts'
import { target } from './model.ts'

/** Deletes what is owned by objects that have all gone, and empties namespaces that are being deleted. */
export function garbage(types: () => readonly ResourceType[]): (view: View) => Action[] {
  return (view) => {
    const all = [...view.everything()]
    const alive = new Set(all.map((object) => object.metadata.uid))
    const dying = view.all('namespaces').filter((namespace) => namespace.metadata.deletionTimestamp !== undefined)
    const names = new Set(dying.map((namespace) => namespace.metadata.name))
    const collections = new Map(
      types().map((type) => [
        `${apiVersionOf(type)}/${type.kind}`,
        type.custom ? `${type.group}/${type.plural}` : type.plural,
      ]),
    )
    const actions: Action[] = []
    for (const object of all) {
      const owners = object.metadata.ownerReferences ?? []
      const orphaned = owners.length > 0 && owners.every((owner) => !alive.has(owner.uid))
      const doomed = names.has(object.metadata.namespace ?? '')
      const collection = collections.get(`${object.apiVersion}/${object.kind}`)
      if ((orphaned || doomed) && collection !== undefined && object.metadata.deletionTimestamp === undefined)
        actions.push({ do: 'delete', collection, ...target(object), uid: object.metadata.uid ?? '' })
    }
    for (const name of names)
      if (!all.some((object) => object.metadata.namespace === name)) actions.push({ do: 'remove-namespace', name })
    return actions
  }
}
