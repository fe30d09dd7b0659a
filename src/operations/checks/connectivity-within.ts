import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { inNetwork } from '../../facts/in-network.ts'
import { endsOf } from '../../probes/pair-allowed.ts'
import { connectivityKept } from './connectivity-kept.ts'

/**
 * Who could talk to whom before and now, of those whose ends are on one network by now: while some pods are flannel's and some
 * Cilium's, policies close what goes across.
 */
export function connectivityWithin(before: Facts | null, now: Facts, podCidr: string): Finding[] {
  const isWithin = (pair: NonNullable<Facts['reachability']>[number]): boolean => {
    const networks = (endsOf(now, pair) ?? []).flatMap((end) =>
      end.kind === 'pod' ? [inNetwork(end.pod.ip, podCidr)] : [],
    )
    return new Set(networks).size < 2
  }
  const within = (facts: Facts): Facts => ({ ...facts, reachability: facts.reachability?.filter(isWithin) ?? null })
  return connectivityKept(before && within(before), within(now))
}
