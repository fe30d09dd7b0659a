import type { Facts } from '../facts/facts.ts'
import { inNetwork } from '../facts/in-network.ts'

/** Agents learn these flags from the servers; what differs between servers is not off. */
function everyServerSays({ nodes }: Facts, flag: string, value: string): boolean {
  const servers = Object.values(nodes).filter(({ unit }) => unit.role === 'server')
  return servers.length > 0 && servers.every(({ k3s }) => k3s.flags[flag]?.value === value)
}

/** Somebody's own installation beside K3s, by the names that their manifests give to the pods. */
const runs = ({ kube }: Facts, name: RegExp): boolean =>
  kube.pods.some((pod) => pod.phase === 'Running' && name.test(pod.name))

export const flannelIsOff = (facts: Facts): boolean =>
  everyServerSays(facts, 'flannel-backend', 'none') && !runs(facts, /^kube-flannel-/)

export const policyControllerIsOff = (facts: Facts): boolean =>
  everyServerSays(facts, 'disable-network-policy', 'true') && !runs(facts, /^kube-router-/)

export const ciliumIsOn = ({ kube }: Facts): boolean => kube.cilium.daemonSet !== null

/** CNIs that are neither flannel nor Cilium: their pods' addresses are not known here. */
export const hasOtherCni = (facts: Facts): boolean =>
  runs(facts, /^(calico-node|canal|weave-net|antrea-agent|kube-ovn-cni|cni-plugin)-/)

/** K3s' cluster-cidr, each range of it. */
export const clusterCidrs = ({ nodes }: Facts): string[] => {
  const value = Object.values(nodes)
    .map(({ k3s }) => k3s.flags['cluster-cidr']?.value)
    .find((one) => one !== undefined)
  return (value ?? '10.42.0.0/16').split(',').map((cidr) => cidr.trim())
}

export const isIn = (address: string, cidrs: readonly string[]): boolean =>
  cidrs.some((cidr) => inNetwork(address, cidr))
