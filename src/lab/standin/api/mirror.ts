import type { ApiObject } from '../context.ts'
import type { EtcdClient, EtcdEvent, KeyValue } from '../etcd/client.ts'

/** One change of one object, in the order etcd made them. */
export interface Change {
  key: string
  revision: number
  current?: ApiObject
  previous?: ApiObject
}

/** Changes kept for watches that start in the past; older starting points are told to list again (410). */
const kept = 5000

/** All objects in memory, kept current by one watch of etcd: watches, controllers and discovery read from it. */
export class Mirror {
  readonly objects = new Map<string, ApiObject>()
  revision = 0
  private changes: Change[] = []
  private oldest = 0
  private readonly listeners = new Set<(changes: Change[]) => void>()
  private readonly etcd: EtcdClient

  constructor(etcd: EtcdClient) {
    this.etcd = etcd
  }

  /** Loads everything, then follows until the signal aborts; `onLost` if etcd ends the stream. */
  async start(signal: AbortSignal, onLost: (error: Error) => void): Promise<void> {
    const { items, revision } = await this.etcd.list('/registry/')
    for (const item of items) this.objects.set(item.key, parseObject(item))
    this.revision = revision
    this.oldest = revision
    this.etcd
      .watch('/registry/', revision + 1, signal, (events) => this.take(events))
      .catch((error: Error) => onLost(error))
  }

  private take(events: EtcdEvent[]): void {
    const changes = events.map((event): Change => {
      if (event.current) this.objects.set(event.key, parseObject(event.current))
      else this.objects.delete(event.key)
      return {
        key: event.key,
        revision: event.revision,
        ...(event.current ? { current: parseObject(event.current) } : {}),
        ...(event.previous ? { previous: parseObject({ ...event.previous, revision: event.revision }) } : {}),
      }
    })
    this.revision = Math.max(this.revision, changes.at(-1)?.revision ?? 0)
    this.changes.push(...changes)
    if (this.changes.length > kept) {
      const dropped = this.changes.splice(0, this.changes.length - kept)
      this.oldest = dropped.at(-1)?.revision ?? this.oldest
    }
    for (const listener of this.listeners) listener(changes)
  }

  /** Changes after a revision, or undefined if it lies too far back. */
  since(revision: number): Change[] | undefined {
    return revision < this.oldest ? undefined : this.changes.filter((change) => change.revision > revision)
  }

  subscribe(listener: (changes: Change[]) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  withPrefix(prefix: string): ApiObject[] {
    return [...this.objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object)
  }

  /** Resolves once the mirror has seen a revision: a controller must not decide on what it has changed itself. */
  reached(revision: number): Promise<void> {
    if (this.revision >= revision) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = this.subscribe(() => {
      if (this.revision < revision) return
      stop()
      resolve()
    })
    return promise
  }
}

export function parseObject(item: KeyValue): ApiObject {
  const object: ApiObject = JSON.parse(item.value)
  object.metadata.resourceVersion = String(item.revision)
  return object
}
