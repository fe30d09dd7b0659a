/**
 * What the parts of the K3s stand-in share. The stand-in is a practice target, not a Kubernetes: README.md says what it
 * does not do. Everything below runs on a practice node, never on the operator's side.
 */

/** A Kubernetes API object as the stand-in's own parts see it. */
export interface ApiObject {
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
    ownerReferences?: {
      apiVersion: string
      kind: string
      name: string
      uid: string
      controller?: boolean
      blockOwnerDeletion?: boolean
    }[]
    finalizers?: string[]
    generation?: number
  }
  // biome-ignore lint/suspicious/noExplicitAny: a stand-in's object is read loosely; the product's own types are strict
  [key: string]: any
}

/** Client of the stand-in's API, over https://127.0.0.1:6444 with the node's certificate. Paths as kubectl's --raw takes. */
export interface ApiClient {
  get(path: string): Promise<ApiObject>
  list(path: string): Promise<ApiObject[]>
  create(path: string, object: ApiObject): Promise<ApiObject>
  replace(path: string, object: ApiObject): Promise<ApiObject>
  /** JSON merge patch. */
  patch(path: string, patch: object): Promise<ApiObject>
  delete(path: string): Promise<void>
  /** A list kept current by watch, reconnecting until the signal aborts; `onChange` is called after the first list too. */
  informer(path: string, options: { signal: AbortSignal; onChange: () => void }): Informer
}

export interface Informer {
  readonly synced: Promise<void>
  items(): ApiObject[]
}

/** Error of an API call: the HTTP status, the Status object's message, and the causes in its details. */
export class ApiError extends Error {
  readonly code: number
  readonly causes: readonly { reason: string; message: string }[]
  constructor(code: number, message: string, causes: ApiError['causes'] = []) {
    super(message)
    this.code = code
    this.causes = causes
  }
}

/** What a node's services are started with, by `k3s server` and `k3s agent` alike. */
export interface NodeContext {
  nodeName: string
  nodeIp: string
  role: 'server' | 'agent'
  /** From this server's own configuration, or, on an agent, from whichever server answered at its start. */
  cluster: {
    flannelBackend: 'vxlan' | 'none'
    disableNetworkPolicy: boolean
    disableKubeProxy: boolean
    clusterCidr: string
    serviceCidr: string
    clusterDns: string
    clusterDomain: string
  }
  api: ApiClient
  /** One line in K3s' own format to stderr (the journal). */
  log: (level: 'info' | 'warning' | 'error', message: string) => void
  /** Aborted when K3s stops. Pods, links, rules and sets must be left as they are: the real one leaves them. */
  signal: AbortSignal
  /** Ends the K3s process with this message, as the real one does when flannel cannot start. */
  fatal: (message: string) => never
}

/** Paths of the stand-in on a node, the same on all of them. */
export const paths = {
  /** The project, bound read-only. */
  app: '/usr/lib/migrate-lab/app',
  node: '/usr/lib/migrate-lab/bin/node',
  /** etcd and etcdctl stand off PATH: a real K3s node has neither. */
  etcd: '/usr/lib/migrate-lab/etcd',
  data: '/var/lib/rancher/k3s',
  /** State of the stand-in's container runtime: lost at a power-off, as containerd's is. */
  runtime: '/run/k3s/standin',
  /** Faults asked for by `migrate lab break`, one file each. */
  faults: '/var/lib/migrate-lab/faults',
} as const
