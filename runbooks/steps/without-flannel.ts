import type { Facts } from '../../src/facts/facts.ts'
import { k3sFlags } from '../../src/operations/k3s-flags.ts'
import { nodesOfRole } from '../../src/operations/k3s-unit.ts'

/** What the servers' flags shall be. Together: some releases do not start with only the first (k3s#9570). */
export const withoutFlannel = { 'flannel-backend': 'none', 'disable-network-policy': 'true' }

export const flannelRuns = (facts: Facts): boolean =>
  nodesOfRole(facts, 'server').some((name) => k3sFlags.diff(facts, name, withoutFlannel) !== null)
