/** An object of the Kubernetes API, as loosely typed as the API itself; parse before use. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    uid?: string
    resourceVersion?: string
    creationTimestamp?: string
    deletionTimestamp?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    finalizers?: string[]
  }
  [key: string]: unknown
}

/** What identifies a kind: `{ apiVersion: 'apps/v1', kind: 'DaemonSet' }`. */
export interface KindRef {
  apiVersion: string
  kind: string
}

export interface DeleteOptions {
  uid: string
  /** 0: at once, whatever the kubelet says. */
  graceSeconds: number
}

/**
 * The part of the Kubernetes API that is used, over @kubernetes/client-node through an SSH tunnel to whichever server
 * answers. Reads pass while planning; everything else is refused then, like a node's `write` commands.
 */
export interface KubeApi {
  list(kind: KindRef, options?: { namespace?: string; labelSelector?: string }): Promise<KubeObject[]>
  get(kind: KindRef, name: string, namespace?: string): Promise<KubeObject | null>
  create(object: KubeObject): Promise<KubeObject>
  /** JSON merge patch. */
  patch(kind: KindRef, name: string, namespace: string | undefined, patch: object): Promise<KubeObject>
  /** Replaces; a resourceVersion in the object makes it conditional (409 -> KubeConflictError). */
  replace(object: KubeObject): Promise<KubeObject>
  /** Deleting what is not there is fine. Another object of that name than the one with `uid`: 409. */
  delete(kind: KindRef, name: string, namespace?: string, options?: DeleteOptions): Promise<void>
  /** Replaces a Namespace's `spec.finalizers` by its finalize subresource; conditional as `replace`. */
  finalize(namespace: KubeObject): Promise<void>
  /** Raw GET, for /readyz?verbose and the like: status and body. */
  raw(path: string): Promise<{ status: number; body: string }>
  /**
   * The lines that a GET goes on answering, as JSON, until the API ends them (or goes away) or the signal does; `idleMs`
   * without one is an error. For watches: src/kube/watch.ts makes of it what has changed.
   * @throws KubeError, KubeUnreachableError
   */
  follow(path: string, options: { idleMs: number; signal?: AbortSignal }): AsyncIterable<unknown>
  close(): Promise<void>
}
