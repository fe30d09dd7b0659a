import { bind } from '../../src/engine/model.ts'
import { leftoversGone } from '../../src/operations/checks/leftovers-gone.ts'
import { flannelAbsent } from '../../src/operations/flannel-absent.ts'
import { formerCniAbsent } from '../../src/operations/former-cni-absent.ts'
import { netfilterPurged } from '../../src/operations/netfilter-purged.ts'
import { guardedLinks, guardedRules } from './guards.ts'
import { all, type Change, type Gate, minutes } from './step.ts'

export const purgeKubeRouter = guardedRules({
  kind: 'change',
  id: 'kube-router-rules',
  title: "Remove kube-router's rules and sets",
  why: 'Frozen rules refuse every new address. From here until policies are on again, no NetworkPolicy is enforced.',
  operation: bind(netfilterPurged, () => ({ owner: 'kube-router' as const })),
  targets: all,
  order: 'parallel',
  risk: 'pods are open to each other until step "policies-on"',
  exposure: 'every pod to every other: nobody enforces NetworkPolicies',
  timeoutMs: minutes(2),
})

/** Where policies stay closed: when all pods of some nodes are Cilium's, which enforces on them. */
export const purgeKubeRouterOn = (nodes: readonly string[], number: number): Change => {
  const { exposure: _, ...purge } = purgeKubeRouter
  return {
    ...purge,
    id: `kube-router-rules-${number}`,
    title: "Remove kube-router's frozen rules and sets from the nodes of this wave",
    why: "Their pods are Cilium's, which enforces on them; kube-router's rules take marks of Cilium's packets for their own (k3s-kube-router.md §4.6).",
    targets: (facts) => nodes.filter((name) => facts.nodes[name] !== undefined),
    risk: 'going back, pods of these nodes stand open from when they are back on flannel until the policy controller is',
  }
}

/** Not for a way back: pods that return to flannel have other addresses. */
export const openEgressOf = (nodes: readonly string[], number: number): Change =>
  guardedRules({
    kind: 'change',
    id: `egress-open-${number}`,
    title: 'Remove what kept pods of this wave from those that had moved before',
    why: "They are Cilium's now, and it enforces their policies.",
    operation: bind({ ...netfilterPurged, undo: { notNeeded: 'no pod has these addresses any more' } }, () => ({
      owner: 'cni-migrate' as const,
    })),
    targets: (facts) => nodes.filter((name) => facts.nodes[name] !== undefined),
    order: 'parallel',
    risk: 'none',
    timeoutMs: minutes(2),
  })

export const purgeFlannel = guardedRules({
  kind: 'change',
  id: 'flannel-rules',
  title: "Remove flannel's and its port mappings' rules",
  why: 'FLANNEL-POSTRTG would rewrite sources of any other range; stale hostPort entries lead to dead pods.',
  operation: bind(netfilterPurged, () => ({ owner: 'flannel' as const })),
  targets: all,
  order: 'parallel',
  risk: 'none for pods on Cilium',
  timeoutMs: minutes(2),
})

/** In the seed's order flannel's rules go before the pods do: entries of theirs are stale only afterwards. */
export const purgePortMappings: Change = {
  ...purgeFlannel,
  id: 'hostport-rules',
  title: "Remove port mappings of flannel's pods",
  why: 'Stale hostPort entries lead to dead pods.',
}

export const removeFlannel = guardedLinks({
  kind: 'change',
  id: 'flannel-files',
  title: "Remove flannel's links, routes, leases and configurations",
  why: 'They would black-hole a range that is used again, and name pods that are gone.',
  operation: bind(flannelAbsent, () => undefined),
  targets: all,
  order: 'parallel',
  risk: 'a pod that is still on flannel loses its network',
  timeoutMs: minutes(2),
})

/** Only where Cilium stood in K3s' own directories: node by node. */
export const removeFormerCni: Change = {
  kind: 'change',
  id: 'former-cni',
  title: "Remove Cilium's files from where K3s no longer looks",
  why: 'A K3s that is given flannel again would find them before its own.',
  operation: bind(formerCniAbsent, () => undefined),
  targets: all,
  order: 'parallel',
  risk: 'none',
  timeoutMs: minutes(2),
}

export const gone: Gate = {
  kind: 'gate',
  id: 'leftovers-gone',
  title: 'Nothing of flannel and kube-router is left',
  why: 'Proved by listing, not assumed.',
  reads: ['netfilter', 'network', 'cni'],
  check: (facts) => leftoversGone(facts),
  timeoutMs: minutes(1),
}
