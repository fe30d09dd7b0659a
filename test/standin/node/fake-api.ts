import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type ApiClient, ApiError, type ApiObject, type Informer } from '../../../src/lab/standin/context.ts'

/** An API in one file: objects by path, watchers told at once. Enough for the node's side to run against. */
export class FakeApi implements ApiClient {
  readonly objects: Map<string, ApiObject>
  private readonly file: string
  private readonly watchers = new Set<{ path: string; onChange: () => void }>()

  constructor(file: string) {
    this.file = file
    this.objects = new Map(existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as [string, ApiObject][]) : [])
  }

  async get(path: string): Promise<ApiObject> {
    const object = this.objects.get(path)
    if (object === undefined) throw new ApiError(404, `${path} not found`)
    return structuredClone(object)
  }

  async list(path: string): Promise<ApiObject[]> {
    return this.items(path)
  }

  async create(path: string, object: ApiObject): Promise<ApiObject> {
    const key = `${path}/${object.metadata.name}`
    if (this.objects.has(key)) throw new ApiError(409, `${key} already exists`)
    return this.replace(key, object)
  }

  async replace(path: string, object: ApiObject): Promise<ApiObject> {
    const stored = structuredClone(object)
    stored.metadata.uid ??= crypto.randomUUID()
    stored.metadata.resourceVersion = String(Number(stored.metadata.resourceVersion ?? 0) + 1)
    this.objects.set(path, stored)
    this.changed(path)
    return structuredClone(stored)
  }

  async patch(path: string, patch: object): Promise<ApiObject> {
    const key = path.replace(/\/status$/, '')
    return this.replace(key, merge(await this.get(key), patch) as ApiObject)
  }

  async delete(path: string): Promise<void> {
    const key = path.replace(/\?.*$/, '')
    if (!this.objects.delete(key)) throw new ApiError(404, `${path} not found`)
    this.changed(key)
  }

  informer(path: string, options: { signal: AbortSignal; onChange: () => void }): Informer {
    this.watchers.add({ path, onChange: options.onChange })
    queueMicrotask(options.onChange)
    return { synced: Promise.resolve(), items: () => this.items(path) }
  }

  /** `/api/v1/pods` also lists the pods of every namespace. */
  private items(path: string): ApiObject[] {
    return [...this.objects].filter(([key]) => isIn(path, key)).map(([, object]) => structuredClone(object))
  }

  private changed(key: string): void {
    writeFileSync(this.file, JSON.stringify([...this.objects]))
    for (const watcher of this.watchers) if (isIn(watcher.path, key)) queueMicrotask(watcher.onChange)
  }
}

function isIn(collection: string, key: string): boolean {
  const at = collection.lastIndexOf('/')
  const [prefix, plural] = [collection.slice(0, at), collection.slice(at + 1)]
  return new RegExp(`^${prefix}/(namespaces/[^/]+/)?${plural}/[^/]+$`).test(key)
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = merge(result[key], value)
  }
  return result
}
