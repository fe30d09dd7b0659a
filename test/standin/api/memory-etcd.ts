import { Mirror } from '../../../src/lab/standin/api/mirror.ts'
import { Operations } from '../../../src/lab/standin/api/operations.ts'
import { builtInType } from '../../../src/lab/standin/api/resources.ts'
import type { EtcdClient, EtcdEvent, KeyValue } from '../../../src/lab/standin/etcd/client.ts'

/** etcd's part that the API needs, in memory. */
class MemoryEtcd {
  private readonly kept = new Map<string, KeyValue>()
  private revision = 0
  private follower: (events: EtcdEvent[]) => void = () => {}

  async get(key: string) {
    return this.kept.get(key)
  }
  async list(prefix: string) {
    return { items: [...this.kept.values()].filter((kv) => kv.key.startsWith(prefix)), revision: this.revision }
  }
  async put(key: string, value: string, expected?: { key: string; revision: number }) {
    if (expected && (this.kept.get(expected.key)?.revision ?? 0) !== expected.revision) return undefined
    const previous = this.kept.get(key)
    const current = { key, value, revision: ++this.revision }
    this.kept.set(key, current)
    this.follower([{ type: 'PUT', key, revision: this.revision, current, ...(previous ? { previous } : {}) }])
    return this.revision
  }
  async remove(key: string, expected?: { key: string; revision: number }) {
    const previous = this.kept.get(key)
    if (expected && (previous?.revision ?? 0) !== expected.revision) return undefined
    this.kept.delete(key)
    this.revision++
    this.follower([{ type: 'DELETE', key, revision: this.revision, ...(previous ? { previous } : {}) }])
    return this.revision
  }
  watch(_prefix: string, _from: number, _signal: AbortSignal, on: (events: EtcdEvent[]) => void) {
    this.follower = on
    return new Promise<void>(() => {})
  }
}

/** An API on an etcd in memory, with the namespace `n`. */
export async function operationsInMemory(): Promise<Operations> {
  const etcd = new MemoryEtcd() as unknown as EtcdClient
  const mirror = new Mirror(etcd)
  await mirror.start(new AbortController().signal, () => {})
  const operations = new Operations(etcd, mirror)
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } }
  await operations.create(builtInType('namespaces'), undefined, namespace)
  return operations
}
