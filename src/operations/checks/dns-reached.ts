import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { isDns } from '../../probes/choose-pairs.ts'
import { pairAllowed } from '../../probes/pair-allowed.ts'
import { dnsAnswered } from './dns-answered.ts'
import { about } from './finding.ts'

/** Of the pods that were chosen to be tried (probes/choose-pairs.ts): the cluster's DNS answers them on flannel. */
export function dnsReached(facts: Facts): Finding[] {
  if (!facts.kube.services.some(isDns)) return [about('the cluster DNS answers').fine('this cluster has no kube-dns')]
  const asked = (facts.reachability ?? []).filter(({ to }) => to.startsWith('dns:'))
  const tried = asked.map((one) => ({
    from: one.from,
    allowed: pairAllowed(facts, one, 'kube-router') ?? true,
    outcomes: [one.outcome],
  }))
  return dnsAnswered(tried, null)
}
