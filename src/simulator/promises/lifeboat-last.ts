import type { EnginePromise } from './promise.ts'

/** P5. Judged by where Cilium ran when it came to a node that it was not on. */
export const lifeboatLast: EnginePromise = {
  id: 'P5',
  says: 'the lifeboat is out of reach of Cilium until it is healthy on the canary and on the rest',
  broken({ base, simulation: { state } }) {
    const { nodes, canary, lifeboat } = base.run.inventory
    const others = nodes.map(({ name }) => name).filter((name) => name !== lifeboat)
    return state.cilium.arrivals.flatMap(({ node, after }) => {
      const before = node === canary ? [] : node === lifeboat ? others : [canary]
      const missing = before.filter((name) => !after.includes(name))
      return missing.length === 0 ? [] : [`Cilium came to ${node} before it was healthy on ${missing.join(', ')}`]
    })
  },
}
