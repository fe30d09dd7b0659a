import type { FactsReader, Target } from '../../../src/engine/model.ts'

export const nodes = ['a', 'b', 'c'] as const

/** What stands on each node: one text a key. */
export type ToyFacts = { readonly [target: Target]: { readonly [key: string]: string } }

/** Nodes that can be written to one key at a time, and at which any call can be made to fail. */
export class ToyWorld {
  readonly values = new Map<Target, Map<string, string>>()
  /** Called before each write, in the order in which they are made. */
  onWrite: (target: Target, key: string, value: string | null) => void | Promise<void> = () => undefined
  writes = 0

  constructor() {
    for (const node of [...nodes, 'cluster']) this.values.set(node, new Map())
    for (const node of nodes) this.of(node).set('service', 'running')
    this.of('a').set('foreign', 'leave me alone')
  }

  of(target: Target): Map<string, string> {
    const values = this.values.get(target)
    if (values === undefined) throw new Error(`no target ${target}`)
    return values
  }

  async write(target: Target, key: string, value: string | null): Promise<void> {
    this.writes += 1
    await this.onWrite(target, key, value)
    if (value === null) this.of(target).delete(key)
    else this.of(target).set(key, value)
  }

  snapshot(): ToyFacts {
    return Object.fromEntries(
      [...this.values].map(([target, values]) => [target, Object.fromEntries([...values].toSorted())]),
    )
  }
}

export function toyReader(world: ToyWorld, onRead: () => void = () => undefined): FactsReader<ToyFacts> {
  return {
    unanswered: () => null,
    async read(_families, targets, previous) {
      onRead()
      const now = world.snapshot()
      if (typeof targets === 'string') return now
      return { ...previous, ...Object.fromEntries(targets.map((target) => [target, now[target] ?? {}])) }
    },
  }
}
