import type { Facts } from '../../src/facts/facts.ts'
import type { KindRef, KubeApi } from '../../src/kube/api.ts'
import type { World } from '../../src/operations/world.ts'
import { ToyClock } from '../engine/toy/clock.ts'
import { someFacts, someInventory } from './some-facts.ts'

interface NodePatch {
  metadata?: { labels?: Record<string, string | null> }
  spec?: { unschedulable?: true | null }
}

/** Nodes behind as much of the API as operations on them use; facts are what it holds. */
export class NodesApi {
  facts: Facts = someFacts()
  /** Called before each look. */
  onLook: () => void = () => {}

  readonly world = {
    kube: {
      patch: async (kind: KindRef, name: string, _namespace: undefined, patch: NodePatch) =>
        this.patch(kind, name, patch),
    } as unknown as KubeApi,
    look: async () => {
      this.onLook()
      return structuredClone(this.facts)
    },
    clock: new ToyClock(),
    inventory: someInventory,
  } as unknown as World

  node(name: string): Facts['kube']['nodes'][number] {
    const node = this.facts.kube.nodes.find((one) => one.name === name)
    if (!node) throw new Error(`no node ${name}`)
    return node
  }

  private patch({ kind }: KindRef, name: string, { metadata, spec }: NodePatch): void {
    if (kind !== 'Node') throw new Error(`no patch of a ${kind} was expected`)
    const node = this.node(name)
    for (const [key, value] of Object.entries(metadata?.labels ?? {}))
      if (value === null) delete node.labels[key]
      else node.labels[key] = value
    if (spec?.unschedulable !== undefined) node.unschedulable = spec.unschedulable === true
  }
}
