import { removeCiliumLeftovers } from './cilium-leftovers.ts'
import { underGuard } from './under-guard.ts'
import { wayBack } from './way-back.ts'

/** Registered before Cilium is installed: on the way back, after it was uninstalled, the node is freed of what it left. */
export const ciliumWayBack = wayBack({
  name: 'cilium.way-back',
  reads: ['cni'],
  note: (facts, target) => ({
    existed: Object.keys(facts.nodes[target]?.cni.files ?? {}).filter((path) => !/\s/.test(path)),
  }),
  how: "under a guard, remove Cilium's links, rules, programs and files from the node; put renamed CNI configurations back",
  run: (world, target, note, task) =>
    underGuard(world, [target], { agent: false, tables: [] }, task, async (own) => {
      const kept = note.existed.filter(
        (path) => /^\/(etc|opt)\//.test(path) || path.endsWith('.cilium_bak') || path.endsWith('/cilium-cni'),
      )
      await removeCiliumLeftovers(world, target, kept, own)
    }),
})
