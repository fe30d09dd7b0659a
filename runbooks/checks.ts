/**
 * What has to be true before a cluster's network is changed: gates of the runbook's first phase. They are judged when
 * planning, which is what `migrate preflight` shows, and again just before the first change.
 *
 * Each check is a file of its own in src/operations/checks. Most stand for a trap that somebody fell into: both facts' lists
 * of twenty (k3s-kube-router.md §10, here K1 to K20; cilium.md §10, here C1 to C20). What of these lists is not here:
 *
 * K1, K2, K3, K4, K8  what is left over and the order of removal: the runbook's own order and its gate leftovers-gone
 * K5, K6              install.sh and killall are not used
 * K12, K13, K14, K15  starting without blocking, quorum, proving snapshots, restoring: operations and gates do them
 * K16                 no Node object is ever deleted
 * K20, C17            restart is not migration: every pod is recreated, and the gate pods-carried joins pods and endpoints
 * C3                  the cilium program, which guesses, is not used
 * C5                  flannel's links: removed, and proved by leftovers-gone
 * C6                  the CNI directories that move: cni-seed fills both before
 * C7                  flags are changed on all servers while all of them are stopped
 * C9, C10, C13        marks, a policy provider beside, addresses lost between both networks: policies are not enforced while
 *                     pods move, and kube-router's rules are gone before a pod is on Cilium; or, where the operator chooses so,
 *                     both enforce on pods of their own, and what goes across is closed
 * C14, C15, C18       the operator's tolerations, devices and MTU, and its watcher are values that the runbook sets; values
 *                     of one's own over them: values-safe
 * C19, C20            stopping agents and rolling changes of modes: the way back, and one value for each agent's stage
 */
import { apiAddress, isLoopback } from '../src/inventory/api-address.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { agentFlags } from '../src/operations/checks/agent-flags.ts'
import { bpfMounted } from '../src/operations/checks/bpf-mounted.ts'
import { budgetsAllow } from '../src/operations/checks/budgets-allow.ts'
import { cgroupV2 } from '../src/operations/checks/cgroup-v2.ts'
import { checksumOffload } from '../src/operations/checks/checksum-offload.ts'
import { clocksAgree } from '../src/operations/checks/clocks-agree.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { containerdOwn } from '../src/operations/checks/containerd-own.ts'
import { dataDirDefault } from '../src/operations/checks/data-dir-default.ts'
import { datastoreEtcd } from '../src/operations/checks/datastore-etcd.ts'
import { disksRoomy } from '../src/operations/checks/disks-roomy.ts'
import { egressSelector } from '../src/operations/checks/egress-selector.ts'
import { etcdSteady } from '../src/operations/checks/etcd-steady.ts'
import { firewallOpen } from '../src/operations/checks/firewall-open.ts'
import { flagsInForce } from '../src/operations/checks/flags-in-force.ts'
import { flannelOverVxlan } from '../src/operations/checks/flannel-over-vxlan.ts'
import { foreignRules } from '../src/operations/checks/foreign-rules.ts'
import { gitopsQuiet } from '../src/operations/checks/gitops-quiet.ts'
import { hostNetworkPeers } from '../src/operations/checks/host-network-peers.ts'
import { hostPorts } from '../src/operations/checks/host-ports.ts'
import { installerReady } from '../src/operations/checks/installer-ready.ts'
import { k3sRunning } from '../src/operations/checks/k3s-running.ts'
import { k3sVersion } from '../src/operations/checks/k3s-version.ts'
import { kernelOptions } from '../src/operations/checks/kernel-options.ts'
import { kernelVersion } from '../src/operations/checks/kernel-version.ts'
import { localApi } from '../src/operations/checks/local-api.ts'
import { mtuAgrees } from '../src/operations/checks/mtu-agrees.ts'
import { namesResolve } from '../src/operations/checks/names-resolve.ts'
import { networkdForeignRoutes } from '../src/operations/checks/networkd-foreign-routes.ts'
import { noUpgradesMeanwhile } from '../src/operations/checks/no-upgrades-meanwhile.ts'
import { nodeIpSet } from '../src/operations/checks/node-ip-set.ts'
import { oneIptablesBackend } from '../src/operations/checks/one-iptables-backend.ts'
import { pathsOpen } from '../src/operations/checks/paths-open.ts'
import { pingUnderPolicies } from '../src/operations/checks/ping-under-policies.ts'
import { policiesEnforcedNow } from '../src/operations/checks/policies-enforced-now.ts'
import { policiesSame } from '../src/operations/checks/policies-same.ts'
import { policyPorts } from '../src/operations/checks/policy-ports.ts'
import { programsThere } from '../src/operations/checks/programs-there.ts'
import { rangeLargeEnough } from '../src/operations/checks/range-large-enough.ts'
import { rangesFree } from '../src/operations/checks/ranges-free.ts'
import { routedByTunnel } from '../src/operations/checks/routed-by-tunnel.ts'
import { rpFilter } from '../src/operations/checks/rp-filter.ts'
import { serverFlagsAgree } from '../src/operations/checks/server-flags-agree.ts'
import { valuesSafe } from '../src/operations/checks/values-safe.ts'
import { virtualAddresses } from '../src/operations/checks/virtual-addresses.ts'
import { volumesSafe } from '../src/operations/checks/volumes-safe.ts'
import { webhooksReachable } from '../src/operations/checks/webhooks-reachable.ts'
import { inventoryAgrees } from './steps/gates.ts'
import { type Gate, preflightGate as gate } from './steps/step.ts'

/**
 * The gates of the phase "Checks", in the order in which they are shown. The trap that a check stands for is beside it.
 * @param beside Cilium is installed while flannel runs
 */
export function preflightChecks(inventory: Inventory, beside: boolean): Gate[] {
  const { install, podCidr } = inventory.cilium
  return [
    inventoryAgrees(inventory, 'A node left out would keep flannel.'),
    gate(
      'cluster-whole',
      'The cluster is whole, and etcd is steady',
      'What is broken before is blamed on the move afterwards.',
      ['etcd', 'kube', 'unit'],
      (facts) => [...k3sRunning(facts), ...clusterWhole(facts), ...etcdSteady(facts)],
    ),
    gate(
      'k3s-as-expected',
      'K3s is set up as this runbook expects',
      'Which file wins for each flag decides what is edited.',
      ['unit', 'k3s', 'etcd', 'kube'],
      (facts) => [
        ...datastoreEtcd(facts),
        ...dataDirDefault(facts),
        ...flannelOverVxlan(facts),
        ...serverFlagsAgree(facts), // K11, C7
        ...flagsInForce(facts), // K9
        ...agentFlags(facts), // K10
        ...containerdOwn(facts), // K7, K8
        ...egressSelector(facts),
        ...k3sVersion(facts),
      ],
    ),
    gate(
      'api-found',
      'Every node finds the API, and keeps its address',
      'Without the API no agent starts, and without agents no pod.',
      // An address of the inventory's own is tried from the nodes, which takes its time.
      ['k3s', 'kube', 'network', 'host', 'upkeep', ...(isLoopback(apiAddress(inventory.cilium).host) ? [] : ['paths'])],
      (facts) => [...localApi(facts, inventory) /* C2 */, ...nodeIpSet(facts), ...virtualAddresses(facts)],
    ),
    gate(
      'rule-sets',
      'The rule sets are understood',
      'Rules that nobody knows of go on applying.',
      ['netfilter', 'k3s', 'kube', 'host'],
      (facts) => [
        ...oneIptablesBackend(facts),
        ...policiesEnforcedNow(facts) /* K1 */,
        ...foreignRules(facts, podCidr),
      ],
    ),
    gate(
      'ranges-free',
      "Cilium's pod range and tunnel port are free, and packets fit",
      'The range cannot be changed later; a taken port fails in silence.',
      ['network', 'k3s', 'host'],
      (facts) => [
        ...rangesFree(facts, inventory, beside), // K17, C1, C4
        ...rangeLargeEnough(facts, inventory),
        ...mtuAgrees(facts, inventory), // C15
      ],
    ),
    gate(
      'installer-ready',
      'What Cilium will be installed by is ready',
      'Found out now, not when it is needed.',
      ['kube', 'operator', 'k3s'],
      (facts) => [
        ...installerReady(facts, install),
        ...valuesSafe(inventory), // C3, C14, C15, C18, C20
        ...routedByTunnel(facts, 'agents would be brought back to the tunnel one by one'), // C20
      ],
    ),
    gate(
      'hosts-fit',
      'Disks, clocks, names and programs',
      'Found out now, not in the middle.',
      ['host', 'etcd'],
      (facts) => [
        ...clocksAgree(facts),
        ...disksRoomy(facts, inventory),
        ...namesResolve(facts),
        ...programsThere(facts),
      ],
    ),
    gate(
      'kernels-fit',
      'The kernels have what Cilium needs',
      'An agent that cannot load its programs leaves its node without pods.',
      ['kernel', 'host', 'upkeep'],
      (facts) => [
        ...kernelVersion(facts, inventory),
        ...kernelOptions(facts),
        ...bpfMounted(facts),
        ...cgroupV2(facts, inventory),
        ...rpFilter(facts),
        ...checksumOffload(facts),
      ],
    ),
    gate(
      'network-open',
      'The network between the nodes carries what Cilium sends',
      'A port that is filtered looks like a Cilium that does not work.',
      ['paths', 'firewall', 'host', 'network', 'k3s'],
      (facts) => [...pathsOpen(facts), ...firewallOpen(facts, inventory)],
    ),
    gate(
      'nobody-interferes',
      'Nobody else changes things meanwhile',
      'What is put back or upgraded in the middle is found out the hard way.',
      ['upkeep', 'host', 'kube', 'obstacles'],
      (facts) => [...networkdForeignRoutes(facts), ...noUpgradesMeanwhile(facts), ...gitopsQuiet(facts)],
    ),
    gate(
      'pods-can-move',
      'Pods can be recreated',
      'All of a node at once, in place.',
      ['obstacles', 'kube', 'host'],
      (facts) => [
        ...hostPorts(facts, inventory), // K19, C16
        ...budgetsAllow(facts),
        ...webhooksReachable(facts),
        ...volumesSafe(facts, inventory),
      ],
    ),
    gate(
      'policies-same',
      'Policies will mean what they mean today',
      'Cilium reads ranges of addresses otherwise, and drops what kube-router refuses.',
      ['kube'],
      (facts) => [
        ...policiesSame(facts, inventory), // C11
        ...hostNetworkPeers(facts), // C11
        ...policyPorts(facts, inventory),
        ...pingUnderPolicies(facts), // C12
      ],
    ),
  ]
}
