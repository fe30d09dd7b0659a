import { z } from 'zod'
import type { KubeApi } from '../kube/api.ts'
import { KubeError } from '../kube/errors.ts'
import { objectPath } from '../kube/object-path.ts'
import { list, objectName, timeMs } from './kube-objects.ts'
import type { Remaining, StuckNamespace } from './stuck.ts'

/** Names of groups, versions and resources: they become paths. */
const pathName = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)

const groupsSchema = z.object({
  groups: list(
    z.object({ preferredVersion: z.object({ groupVersion: z.string().regex(/^[a-z0-9.-]+\/[a-z0-9]+$/) }) }),
  ),
})
const resourcesSchema = z.object({
  resources: list(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean(), verbs: list(z.string()) })),
})
const objectsSchema = z.object({
  items: list(
    z.object({
      metadata: z.object({
        name: objectName,
        uid: z.string(),
        deletionTimestamp: z.string().nullish(),
        finalizers: list(z.string()),
      }),
    }),
  ),
})

/** @throws KubeError, also for an answer of a form that is not known */
async function getJson<S extends z.ZodType>(api: KubeApi, path: string, schema: S): Promise<z.infer<S>> {
  const { status, body } = await api.raw(path)
  if (status !== 200) throw new KubeError(status, `HTTP ${status}`)
  try {
    return schema.parse(JSON.parse(body))
  } catch {
    throw new KubeError(status, 'the answer has a form that is not known here')
  }
}

interface Resource {
  apiVersion: string
  kind: string
  plural: string
}

/** What can lie in a namespace and be deleted: each resource of the API, in the version that its group prefers. */
export interface Discovery {
  resources: Resource[]
  unread: StuckNamespace['unread']
}

/**
 * By the API's own discovery, as the namespace controller does it. A group whose server does not answer is named in `unread`.
 * @throws KubeError, KubeUnreachableError when the API does not say which groups there are
 */
export async function discover(api: KubeApi): Promise<Discovery> {
  const { groups } = await getJson(api, '/apis', groupsSchema)
  const versions = ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)]
  const unread: Discovery['unread'] = []
  const found = await Promise.all(
    versions.map(async (apiVersion): Promise<Resource[]> => {
      try {
        const { resources } = await getJson(
          api,
          apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`,
          resourcesSchema,
        )
        return resources
          .filter(({ name, namespaced, verbs }) => namespaced && pathName.safeParse(name).success && canGo(verbs))
          .map(({ name, kind }) => ({ apiVersion, kind, plural: name }))
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        unread.push({ what: apiVersion, why: error.message })
        return []
      }
    }),
  )
  return { resources: found.flat(), unread }
}

const canGo = (verbs: readonly string[]) => verbs.includes('list') && verbs.includes('delete')

/** Everything that lies in a namespace, each object once, whatever groups serve it. Events are left out: nothing waits for them. */
export async function readRemaining(
  api: KubeApi,
  { resources, unread: undiscovered }: Discovery,
  namespace: string,
): Promise<Pick<StuckNamespace, 'remaining' | 'unread'>> {
  const unread = [...undiscovered]
  const found = await Promise.all(
    resources
      .filter(({ kind }) => kind !== 'Event')
      .map(async (resource): Promise<Remaining[]> => {
        try {
          const { items } = await getJson(api, objectPath({ ...resource, namespace }), objectsSchema)
          return items.map(({ metadata: { name, uid, deletionTimestamp, finalizers } }) => ({
            ...{ ...resource, namespace, name, uid, dueMs: timeMs(deletionTimestamp), finalizers },
          }))
        } catch (error) {
          if (!(error instanceof KubeError)) throw error
          unread.push({ what: `${resource.plural} of ${resource.apiVersion}`, why: error.message })
          return []
        }
      }),
  )
  const byUid = new Map(found.flat().map((object) => [object.uid, object]))
  return { remaining: [...byUid.values()], unread }
}
