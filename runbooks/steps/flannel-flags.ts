import type { Facts } from '../../src/facts/facts.ts'
import { k3sFlags } from '../../src/operations/k3s-flags.ts'
import { nodesOfRole } from '../../src/operations/k3s-unit.ts'

/** Which way the servers' flags are turned, while all of K3s stands still. */
export interface FlannelFlags {
  flannel: boolean
  /** Whether there is anything to turn. */
  when(facts: Facts): boolean
  wanted(facts: Facts, server: string): Readonly<Record<string, string>>
  title: string
}

/** Together: some releases do not start with only the first (k3s#9570). */
const off = { 'flannel-backend': 'none', 'disable-network-policy': 'true' }

export const flannelRuns = (facts: Facts): boolean =>
  nodesOfRole(facts, 'server').some((name) => k3sFlags.diff(facts, name, { flags: off }) !== null)

export const flannelOff: FlannelFlags = {
  flannel: false,
  when: flannelRuns,
  wanted: () => off,
  title: 'Switch flannel and the policy controller off on the servers',
}

/** Only what is off is turned: somebody may have another backend. Services need kube-proxy where Cilium no longer makes them. */
function on(facts: Facts, server: string): Readonly<Record<string, string>> {
  const isOff = (key: string, value: string) => facts.nodes[server]?.k3s.flags[key]?.value === value
  return {
    ...(isOff('flannel-backend', 'none') && { 'flannel-backend': 'vxlan' }),
    ...(isOff('disable-network-policy', 'true') && { 'disable-network-policy': 'false' }),
    ...(isOff('disable-kube-proxy', 'true') && { 'disable-kube-proxy': 'false' }),
  }
}

export const flannelOn: FlannelFlags = {
  flannel: true,
  when: (facts) => nodesOfRole(facts, 'server').some((name) => Object.keys(on(facts, name)).length > 0),
  wanted: on,
  title: 'Have the servers run flannel, the policy controller and kube-proxy again',
}
