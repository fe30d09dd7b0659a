import type { NodeFacts } from '../facts/facts.ts'
import { rulesetNames } from '../facts/netfilter.ts'
import { cilium } from '../netfilter/cilium.ts'
import { egressClosed } from '../netfilter/egress-closed.ts'
import { flannel } from '../netfilter/flannel.ts'
import { type IpSet, isCiliumSet, isKubeRouterSet } from '../netfilter/ipset.ts'
import { kubeRouter } from '../netfilter/kube-router.ts'
import { hostPortContainers, stalePortmap } from '../netfilter/portmap.ts'
import type { Recogniser } from '../netfilter/recogniser.ts'
import { parse } from '../netfilter/ruleset.ts'
import { ciliumNetworks } from './cni-seeded.ts'

/** Whose rules and sets are to go. */
export interface Claimant {
  recognisers(node: NodeFacts): Recogniser[]
  owns(set: IpSet): boolean
}

/** `cni-migrate`: what we have brought ourselves, for a time. */
export type Owner = 'kube-router' | 'flannel' | 'cilium' | 'cni-migrate'

/** Sandboxes that run keep their host ports; null: containerd is silent, nobody knows which those are. */
function stopped({ sandboxes }: NodeFacts): ((container: string) => boolean) | null {
  if (sandboxes === null) return null
  const ready = new Set(sandboxes.filter((sandbox) => sandbox.ready).map((sandbox) => sandbox.id))
  return (container) => !ready.has(container)
}

const owns = (): boolean => false

export const claimants: Readonly<Record<Owner, Claimant>> = {
  'kube-router': { recognisers: () => [kubeRouter], owns: isKubeRouterSet },
  cilium: { recognisers: () => [cilium], owns: isCiliumSet },
  'cni-migrate': { recognisers: () => [egressClosed], owns },
  flannel: {
    recognisers: (node) => [
      ...(node.k3s.flags['cluster-cidr']?.value ?? '10.42.0.0/16').split(',').map((cidr) => flannel(cidr)),
      stalePortmap(stopped(node)),
    ],
    owns,
  },
}

/**
 * Host ports of pods that are gone, whichever network they were on.
 * @param before the node before the first of them went: an entry that came later may be of a pod that is just being made, and
 * whose sandbox is not told yet
 */
export function goneHostPorts(before: NodeFacts): Claimant {
  const had = new Set(
    rulesetNames.flatMap((name) => {
      const text = before.netfilter.rulesets[name]
      return text ? hostPortContainers(parse(text, `${before.name}: ${name}`)) : []
    }),
  )
  return {
    recognisers(node) {
      const isStopped = stopped(node)
      const isGone = isStopped && ((container: string) => had.has(container) && isStopped(container))
      return [stalePortmap(isGone, ['cbr0', ...ciliumNetworks])]
    },
    owns,
  }
}
