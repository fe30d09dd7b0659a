import type { DeleteOptions, KindRef, KubeApi, KubeObject } from '../../src/kube/api.ts'
import { KubeError } from '../../src/kube/errors.ts'

/** Kinds that it serves: their plurals, and whether they lie in namespaces. */
const kinds: Readonly<Record<string, { apiVersion: string; plural: string; namespaced: boolean }>> = {
  Pod: { apiVersion: 'v1', plural: 'pods', namespaced: true },
  Secret: { apiVersion: 'v1', plural: 'secrets', namespaced: true },
  Event: { apiVersion: 'v1', plural: 'events', namespaced: true },
  Namespace: { apiVersion: 'v1', plural: 'namespaces', namespaced: false },
  Widget: { apiVersion: 'shop.example/v1', plural: 'widgets', namespaced: true },
}

/**
 * As much of an API as objects that hang meet: what is being deleted stays while a finalizer or a kubelet holds it. Nobody
 * serves finalizers, and no controller empties namespaces.
 */
export class StuckApi {
  objects: KubeObject[]
  /** Answers of the API to a GET, over what it has. */
  raw = new Map<string, { status: number; body: string }>()
  /** Every request that changes something. */
  changes: string[] = []
  #version = 0

  constructor(objects: readonly KubeObject[]) {
    this.objects = structuredClone([...objects])
  }

  find = (kind: KindRef, name: string, namespace?: string): KubeObject | undefined =>
    this.objects.find(
      ({ kind: own, metadata }) =>
        own === kind.kind && metadata.name === name && (metadata.namespace ?? '') === (namespace ?? ''),
    )

  readonly kube = {
    list: async (kind: KindRef, { namespace }: { namespace?: string } = {}) => {
      if (kinds[kind.kind] === undefined) throw new KubeError(404, `no ${kind.kind}`)
      return this.objects.filter(
        (one) => one.kind === kind.kind && (namespace === undefined || one.metadata.namespace === namespace),
      )
    },
    get: async (kind: KindRef, name: string, namespace?: string) =>
      structuredClone(this.find(kind, name, namespace)) ?? null,
    raw: async (path: string) => this.raw.get(path) ?? this.#get(path),
    patch: async (kind: KindRef, name: string, namespace: string | undefined, patch: object) => {
      const object = this.find(kind, name, namespace)
      if (object === undefined) throw new KubeError(404, 'not found')
      const { finalizers, resourceVersion } = (patch as Partial<KubeObject>).metadata ?? { name }
      if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
        throw new KubeError(409, 'the object has been modified')
      this.changes.push(`patch ${kind.kind} ${name} ${JSON.stringify(finalizers)}`)
      object.metadata.finalizers = finalizers ?? []
      this.#changed(object)
      return object
    },
    delete: async (kind: KindRef, name: string, namespace?: string, options?: DeleteOptions) => {
      const object = this.find(kind, name, namespace)
      if (object === undefined) return
      if (options !== undefined && options.uid !== object.metadata.uid) throw new KubeError(409, 'another uid')
      this.changes.push(`delete ${kind.kind} ${name} ${options?.graceSeconds}`)
      Object.assign(object.metadata, {
        deletionTimestamp: object.metadata.deletionTimestamp ?? '2026-11-21T10:00:00Z',
        deletionGracePeriodSeconds: options?.graceSeconds ?? 30,
      })
      this.#changed(object)
    },
    finalize: async (namespace: KubeObject) => {
      this.changes.push(`finalize ${namespace.metadata.name}`)
      this.objects = this.objects.filter(({ metadata }) => metadata.uid !== namespace.metadata.uid)
    },
  } as unknown as KubeApi

  #changed(object: KubeObject): void {
    object.metadata.resourceVersion = String(++this.#version)
    const {
      deletionTimestamp,
      finalizers,
      deletionGracePeriodSeconds: grace,
    } = object.metadata as Record<string, unknown>
    // A namespace has finalizers of its own besides, a pod its kubelet.
    const isHeld =
      (finalizers as string[] | undefined)?.length ||
      object.kind === 'Namespace' ||
      (object.kind === 'Pod' && grace !== 0)
    if (deletionTimestamp && !isHeld) this.objects = this.objects.filter((one) => one !== object)
  }

  #get(path: string): { status: number; body: string } {
    const answer = (value: unknown) => ({ status: 200, body: JSON.stringify(value) })
    const resources = (apiVersion: string) =>
      answer({
        resources: Object.entries(kinds)
          .filter(([, kind]) => kind.apiVersion === apiVersion)
          .flatMap(([kind, { plural, namespaced }]) => [
            { name: plural, kind, namespaced, verbs: ['delete', 'get', 'list'] },
            { name: `${plural}/status`, kind, namespaced, verbs: ['get'] },
          ]),
      })
    if (path === '/apis') return answer({ groups: [{ preferredVersion: { groupVersion: 'shop.example/v1' } }] })
    if (path === '/api/v1') return resources('v1')
    if (path === '/apis/shop.example/v1') return resources('shop.example/v1')
    const [, namespace, plural, name] =
      /^\/(?:api\/v1|apis\/[^/]+\/v1)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
    const [kind] = Object.entries(kinds).find(([, one]) => one.plural === plural) ?? ['']
    const items = this.objects.filter(
      (one) => one.kind === kind && (namespace === undefined || one.metadata.namespace === namespace),
    )
    if (name === undefined) return answer({ items })
    const one = items.find(({ metadata }) => metadata.name === name)
    return one === undefined ? { status: 404, body: '' } : answer(one)
  }
}

/** `metadata` over what every object has; `more`: its spec and status. */
export const anObject = (kind: string, namespace: string | null, name: string, metadata: object, more: object = {}) =>
  ({
    apiVersion: kinds[kind]?.apiVersion ?? 'v1',
    kind,
    metadata: {
      name,
      ...(namespace === null ? {} : { namespace }),
      uid: `u-${name}`,
      resourceVersion: '0',
      ...metadata,
    },
    ...more,
  }) as KubeObject

const owned = { ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5d9', controller: true }] }

/** A pod on a node, by what of it is not as usual. */
export const aPod = (name: string, metadata: object, status: object = {}, node = 's1') =>
  anObject(
    'Pod',
    'shop',
    name,
    { creationTimestamp: '2026-11-21T08:00:00Z', ...owned, ...metadata },
    {
      spec: { nodeName: node, containers: [{ env: [{ name: 'PASSWORD', value: 's3cret' }] }] },
      status: { phase: 'Running', ...status },
    },
  )

/** Deleted an hour before what someFacts() says the time is. */
export const terminating = { deletionTimestamp: '2026-11-21T09:00:00Z', deletionGracePeriodSeconds: 30 }

export const aNamespace = (name: string, metadata: object = {}, conditions: object[] = []) =>
  anObject('Namespace', null, name, metadata, { spec: { finalizers: ['kubernetes'] }, status: { conditions } })
