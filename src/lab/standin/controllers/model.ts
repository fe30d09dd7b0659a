import type { ApiObject } from '../context.ts'

/** What a controller decides on: all objects at one moment. Collections are named `pods` or `helm.cattle.io/helmcharts`. */
export interface View {
  all(collection: string): readonly ApiObject[]
  everything(): Iterable<ApiObject>
  now: Date
}

/** What a controller wants done. Controllers are functions of a view; who carries this out is controllers.ts. */
export type Action =
  | { do: 'create'; collection: string; object: ApiObject }
  | { do: 'status'; collection: string; namespace?: string; name: string; status: object }
  | { do: 'merge'; collection: string; namespace?: string; name: string; patch: object }
  | { do: 'delete'; collection: string; namespace?: string; name: string; uid?: string; graceSeconds?: number }
  /** Lets go of a namespace, as its controller does. */
  | { do: 'finalize'; name: string }

export type Controller = (view: View) => Action[]

/** `namespace` and `name`, as actions take them. */
export function target(object: ApiObject): { namespace?: string; name: string } {
  const { namespace, name } = object.metadata
  return namespace === undefined ? { name } : { namespace, name }
}

/** A status to write, if it is another than the one there. */
export function statusIfChanged(collection: string, object: ApiObject, status: object): Action[] {
  const next = { ...object.status, ...status }
  if (JSON.stringify(next) === JSON.stringify(object.status ?? {})) return []
  return [{ do: 'status', collection, ...target(object), status: next }]
}

export function ownerOf(owner: ApiObject): NonNullable<ApiObject['metadata']['ownerReferences']> {
  const { apiVersion, kind, metadata } = owner
  return [
    { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true },
  ]
}

export const isOwnedBy = (object: ApiObject, owner: ApiObject): boolean =>
  (object.metadata.ownerReferences ?? []).some((reference) => reference.uid === owner.metadata.uid)

/** Running or on its way: neither ended nor being deleted. */
export const isActive = (pod: ApiObject): boolean =>
  pod.metadata.deletionTimestamp === undefined && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'
