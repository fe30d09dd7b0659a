import { z } from 'zod'

const condition = z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })

/** A pod that may hang: on its way out, ended by what befell its node, or not begun yet. Whether it does is judged later. */
export const stuckPodSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  node: z.string().nullable(),
  phase: z.string(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  /** Its deletion and its grace period: by then it should have been gone. null: it is not being deleted. */
  dueMs: z.number().nullable(),
  /** null: it is not being deleted. 0: no kubelet is waited for any more, only finalizers hold it. */
  graceSeconds: z.number().nullable(),
  /** When its node took it on, else when it was made. */
  sinceMs: z.number(),
  /** A container of it has been started, now or before. */
  begun: z.boolean(),
  waiting: z.string().nullable(),
  /** Those that are not True. */
  conditions: z.array(condition),
  /** `ReplicaSet/web-5d9`; null: a bare pod, which nobody makes anew. */
  owner: z.string().nullable(),
  /** Made by its kubelet, of a file on its node: the object is only its mirror. */
  isStatic: z.boolean(),
  finalizers: z.array(z.string()),
  lastEvent: z.object({ reason: z.string(), message: z.string(), atMs: z.number().nullable() }).nullable(),
})
export type StuckPod = z.infer<typeof stuckPodSchema>

/** What remains in a namespace that is being deleted. Of an object only this: what it says may be secret. */
export const remainingSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  plural: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  /** null: nobody has deleted it yet. */
  dueMs: z.number().nullable(),
  finalizers: z.array(z.string()),
})
export type Remaining = z.infer<typeof remainingSchema>

export const stuckNamespaceSchema = z.object({
  name: z.string(),
  uid: z.string(),
  dueMs: z.number(),
  finalizers: z.array(z.string()),
  /** `spec.finalizers`: only its finalize subresource changes them. */
  specFinalizers: z.array(z.string()),
  /** Those that are True: NamespaceContentRemaining, NamespaceFinalizersRemaining and the like. */
  conditions: z.array(condition),
  remaining: z.array(remainingSchema),
  /** What could not be listed: nobody knows what remains of it. */
  unread: z.array(z.object({ what: z.string(), why: z.string() })),
})
export type StuckNamespace = z.infer<typeof stuckNamespaceSchema>

/** Pods and namespaces that may hang, and what holds them, by the API. Empty lists tell nothing while `error` is set. */
export const stuckSchema = z.object({
  error: z.string().nullable(),
  pods: z.array(stuckPodSchema),
  namespaces: z.array(stuckNamespaceSchema),
  /** APIServices that another server is to answer for and does not. Looked at only while a namespace is being deleted. */
  silentApis: z.array(z.object({ name: z.string(), message: z.string() })),
})
export type StuckFacts = z.infer<typeof stuckSchema>
