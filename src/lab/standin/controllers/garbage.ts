import { collectionsOf, type ResourceType } from '../api/resources.ts'
import type { Action, View } from './model.ts'
import { target } from './model.ts'

/** Deletes what is owned by objects that have all gone. */
export function garbage(types: () => readonly ResourceType[]): (view: View) => Action[] {
  return (view) => {
    const all = [...view.everything()]
    const alive = new Set(all.map((object) => object.metadata.uid))
    const collections = collectionsOf(types())
    return all.flatMap((object): Action[] => {
      const owners = object.metadata.ownerReferences ?? []
      const orphaned = owners.length > 0 && owners.every((owner) => !alive.has(owner.uid))
      const collection = collections.get(`${object.apiVersion}/${object.kind}`)
      if (!orphaned || collection === undefined || object.metadata.deletionTimestamp !== undefined) return []
      return [{ do: 'delete', collection, ...target(object), uid: object.metadata.uid ?? '' }]
    })
  }
}
