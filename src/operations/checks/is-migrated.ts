import type { Facts } from '../../facts/facts.ts'

/** Cilium is installed, and the servers' K3s runs flannel no more: what holds of a migrated cluster can be asked. */
export const isMigrated = (facts: Facts): boolean =>
  facts.kube.cilium.chart !== null &&
  Object.values(facts.nodes)
    .filter(({ unit }) => unit.role === 'server')
    .every(({ k3s }) => k3s.flags['flannel-backend']?.value === 'none')
