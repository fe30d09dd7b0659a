import { processInterrupts } from '../engine/interrupts.ts'
import { clusterFamilies, type Facts, nodeFamilies } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { Evidence, Series } from '../probes/evidence.ts'
import { gather } from '../probes/gather.ts'
import { gatherLine } from '../report/gather-line.ts'
import type { GatherFlags } from './gather-options.ts'
import type { CommonOptions } from './options.ts'
import { openForProbing, systemClock } from './session.ts'

/**
 * Watches the cluster and shows what is seen meanwhile. Ctrl-C ends it early; `early` says so. A second one ends it at once.
 * @param again pairs of an earlier time, to be watched instead of chosen ones
 */
export async function gatherShown(
  inventory: Inventory,
  { json, terminal }: CommonOptions,
  flags: GatherFlags,
  again: readonly Series[] = [],
): Promise<{ evidence: Evidence; early: boolean }> {
  using interrupts = processInterrupts(process)
  const line = gatherLine(process.stderr, terminal.live && process.stderr.isTTY, () => systemClock.nowMs())
  interrupts.stop.addEventListener('abort', () => {
    if (!json) line.ending()
  })
  await using cluster = openForProbing(inventory, terminal)
  const everything = [...nodeFamilies, ...clusterFamilies].filter((family) => family !== 'reachability')
  try {
    const evidence = await gather({
      cluster: inventory.cluster.name,
      nodes: cluster.nodes,
      kube: cluster.kube,
      clock: systemClock,
      look: (previous: Facts | null) =>
        cluster.reader.read(previous === null ? everything : ['kube', 'sandboxes'], 'all', previous),
      externalTargets: inventory.probes.externalTargets,
      again,
      durationMs: flags.duration,
      intervalMs: flags.interval,
      interrupts,
      onProgress: (progress) => {
        if (!json) line.show(progress)
      },
    })
    return { evidence, early: interrupts.stop.aborted }
  } finally {
    line.close()
  }
}
