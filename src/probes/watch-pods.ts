import type { Facts } from '../facts/facts.ts'
import type { Evidence, Series } from './evidence.ts'
import type { GatherOptions } from './gather.ts'
import { choosePodNetworks, watchPodNetworks } from './pod-network.ts'
import { podsToLookInto } from './pods-to-look-into.ts'

/** Looks into the network namespaces of pods that what was seen so far points to, until the time is over. */
export async function watchPods(
  { nodes, clock }: GatherOptions,
  durationMs: number,
  signal: AbortSignal,
  seen: readonly Series[],
  facts: Facts,
): Promise<Pick<Evidence, 'podNetworks' | 'notMeasured'>> {
  const { pods, destinations } = podsToLookInto(seen, facts)
  const choices = choosePodNetworks(facts, pods, destinations)
  const watched = await Promise.all(
    [...choices].map(([name, list]) => watchPodNetworks(nodes.get(name), list, { clock, durationMs, signal })),
  )
  return {
    podNetworks: watched.flatMap(({ networks }) => networks),
    notMeasured: watched.flatMap(({ problem }) => (problem === null ? [] : [`networks of pods: ${problem}`])),
  }
}
