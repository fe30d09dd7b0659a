import { type ApiClient, ApiError, type ApiObject, type Informer } from '../../../src/lab/standin/context.ts'

/** Just enough of an API for the Cilium stand-in's parts to meet each other: objects by path, informers told at once. */
export class FakeApi implements ApiClient {
  private readonly objects = new Map<string, ApiObject>()
  private readonly listeners = new Set<() => void>()
  private version = 1

  /** Collections of one kind in all namespaces and in one are the same objects. */
  private under(path: string): ApiObject[] {
    const [collection = '', query = ''] = path.split('?')
    const selector = new URLSearchParams(query).get('labelSelector')
    const labels = selector === null ? [] : selector.split(',').map((pair) => pair.split('='))
    const pattern = new RegExp(`^${collection.replace(/\/([^/]+)$/, '(/namespaces/[^/]+)?/$1')}/[^/]+$`)
    return [...this.objects]
      .filter(([key]) => pattern.test(key))
      .map(([, object]) => object)
      .filter(({ metadata }) => labels.every(([key = '', value]) => metadata.labels?.[key] === value))
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }

  put(collection: string, object: ApiObject): ApiObject {
    const stored = structuredClone(object)
    stored.metadata.resourceVersion = `${this.version++}`
    stored.metadata.uid ??= `uid-${this.version}`
    stored.metadata.creationTimestamp ??= new Date().toISOString()
    this.objects.set(`${collection}/${object.metadata.name}`, stored)
    this.changed()
    return structuredClone(stored)
  }

  async get(path: string): Promise<ApiObject> {
    const found = this.objects.get(path)
    if (found === undefined) throw new ApiError(404, `${path} not found`)
    return structuredClone(found)
  }

  async list(path: string): Promise<ApiObject[]> {
    return structuredClone(this.under(path))
  }

  async create(path: string, object: ApiObject): Promise<ApiObject> {
    if (this.objects.has(`${path}/${object.metadata.name}`)) throw new ApiError(409, 'already exists')
    return this.put(path, object)
  }

  async replace(path: string, object: ApiObject): Promise<ApiObject> {
    await this.get(path)
    return this.put(path.slice(0, path.lastIndexOf('/')), object)
  }

  async patch(path: string, patch: object): Promise<ApiObject> {
    const target = path.replace(/\/status$/, '')
    const merged = merge(await this.get(target), patch)
    return this.put(target.slice(0, target.lastIndexOf('/')), merged as ApiObject)
  }

  async delete(path: string): Promise<void> {
    if (!this.objects.delete(path)) throw new ApiError(404, `${path} not found`)
    this.changed()
  }

  informer(path: string, { signal, onChange }: { signal: AbortSignal; onChange: () => void }): Informer {
    this.listeners.add(onChange)
    signal.addEventListener('abort', () => this.listeners.delete(onChange), { once: true })
    queueMicrotask(onChange)
    return { synced: Promise.resolve(), items: () => structuredClone(this.under(path)) }
  }
}

/** JSON merge patch (RFC 7396). */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else if (value !== undefined) result[key] = merge(result[key], value)
  }
  return result
}
