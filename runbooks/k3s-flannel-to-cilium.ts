/**
 * One cut-over of a whole K3s cluster from flannel and kube-router to Cilium. Two orders of the same steps:
 *
 * staged  Cilium is made to run beside flannel first, so that what can fail fails before anything is stopped. By hand on a
 *         real cluster: 5 to 7 s without connections for each pod (measured.md).
 * seed    Flannel is cleaned away before Cilium comes, as in the field report this began with: 74 to 125 s. For clusters that
 *         may not open a second tunnel port.
 *
 * Read from top to bottom it is what happens; read from bottom to top it is the way back. Steps named "way back" do nothing
 * going forward: they stand where their undoing belongs.
 */
import { z } from 'zod'
import {
  bind,
  type ChangeStep,
  CLUSTER,
  type GateStep,
  type Phase,
  type RecordStep,
  type Runbook,
} from '../src/engine/model.ts'
import { InputError } from '../src/errors.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { backupTaken } from '../src/operations/backup.ts'
import { ciliumBeside } from '../src/operations/checks/cilium-beside.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { connectivityKept } from '../src/operations/checks/connectivity-kept.ts'
import { leftoversGone } from '../src/operations/checks/leftovers-gone.ts'
import { podsCarried } from '../src/operations/checks/pods-carried.ts'
import { ciliumImages } from '../src/operations/cilium-images.ts'
import { ciliumInstalled, isUninstalledByUndo } from '../src/operations/cilium-installed.ts'
import { type CiliumStage, ciliumValues, needsPortmap, valuesText } from '../src/operations/cilium-values.ts'
import { ciliumWayBack } from '../src/operations/cilium-way-back.ts'
import { clusterWayBack } from '../src/operations/cluster-way-back.ts'
import { cniPortmap } from '../src/operations/cni-portmap.ts'
import { cniSeeded } from '../src/operations/cni-seeded.ts'
import { etcdSnapshot } from '../src/operations/etcd-snapshot.ts'
import { flannelAbsent } from '../src/operations/flannel-absent.ts'
import { guarded } from '../src/operations/guarded.ts'
import { imagesPresent } from '../src/operations/images-present.ts'
import { k3sFlags } from '../src/operations/k3s-flags.ts'
import { k3sStarted } from '../src/operations/k3s-started.ts'
import { k3sStopped } from '../src/operations/k3s-stopped.ts'
import { nodesOfRole } from '../src/operations/k3s-unit.ts'
import { measuring } from '../src/operations/measuring.ts'
import { netfilterPurged, purgedTables } from '../src/operations/netfilter-purged.ts'
import { podsRecreated } from '../src/operations/pods-recreated.ts'
import { podsWayBack } from '../src/operations/pods-way-back.ts'
import { quiet } from '../src/operations/quiet.ts'
import type { World } from '../src/operations/world.ts'
import { preflightChecks } from './checks.ts'

type Change = ChangeStep<Facts, World>
type Gate = GateStep<Facts>
type Record = RecordStep<Facts>

const paramsSchema = z.strictObject({ order: z.enum(['staged', 'seed']).default('staged') })
type Params = z.infer<typeof paramsSchema>

/** What the servers' flags shall be. Together: some releases do not start with only the first (k3s#9570). */
const flags = { 'flannel-backend': 'none', 'disable-network-policy': 'true' }

const all = (facts: Facts) => Object.keys(facts.nodes)
const flannelRuns = (facts: Facts) =>
  nodesOfRole(facts, 'server').some((name) => k3sFlags.diff(facts, name, flags) !== null)
const minutes = (count: number) => count * 60_000

export function flannelToCilium(inventory: Inventory): Runbook<Facts, World, Params> {
  const servers = (facts: Facts) => nodesOfRole(facts, 'server', inventory.lifeboat)
  const agents = (facts: Facts) => nodesOfRole(facts, 'agent')
  const serverCount = inventory.nodes.filter((node) => node.role === 'server').length
  const { podCidr, tunnelPort, version, chart, install } = inventory.cilium
  /** Wherever Cilium's agents start: the field report's first try took two of three servers off the network. */
  const guardedAgents = (step: Change): Change =>
    guarded(step, {
      scope: () => ({ agent: true, tables: [] }),
      does: "ends Cilium's agent and holds it down, takes away what Cilium has brought, puts its own links, addresses, routes and rules back",
      // Uninstalled, it is not needed; given its former values it is.
      undoneWithoutAgent: isUninstalledByUndo,
    })
  const guardedRules = (step: Change): Change =>
    guarded(step, {
      scope: (change) => ({ agent: false, tables: purgedTables(change) }),
      does: 'puts the tables back that rules were removed from, with their sets; and its own links, addresses, routes',
    })
  const guardedLinks = (step: Change): Change =>
    guarded(step, {
      scope: () => ({ agent: false, tables: [] }),
      does: 'puts its own links, addresses and routes back',
    })
  const cilium = (stage: CiliumStage) =>
    bind(ciliumInstalled, (facts: Facts) => ({
      version,
      chart,
      install,
      tunnelPort,
      values: valuesText(ciliumValues(inventory, facts, stage)),
    }))

  // 1. Checks, in a file of their own: they are judged when planning, and again just before the first change.
  const checks = ({ order }: Params) => preflightChecks(inventory, order === 'staged')

  // 2. Evidence before.
  const before: Record = {
    kind: 'record',
    id: 'evidence-before',
    title: 'Record who can reach whom, REJECT counters and all rule sets',
    why: 'The end is compared with it.',
    reads: ['kube', 'sandboxes', 'reachability', 'netfilter', 'network', 'cni'],
    saveAs: 'before',
  }

  // 3. Safety.
  const backup: Change = {
    kind: 'change',
    id: 'backup',
    title: 'Copy every file and rule set that will change to the operator',
    why: 'What undoing needs is on your side before anything is touched.',
    operation: bind(backupTaken, () => undefined),
    targets: all,
    order: 'parallel',
    risk: 'none: it only reads',
    timeoutMs: minutes(5),
  }
  const snapshot: Change = {
    kind: 'change',
    id: 'etcd-snapshot',
    title: 'Take an etcd snapshot, prove it and copy it off with the server token',
    why: 'The last resort. It restores API objects, not node networking.',
    operation: bind(etcdSnapshot, () => ({ name: 'cni-migrate' })),
    targets: () => [inventory.lifeboat],
    order: 'serial',
    risk: 'none: a large database takes a while',
    timeoutMs: minutes(15),
  }
  const measure: Change = {
    kind: 'change',
    id: 'measure',
    title: 'Probe chosen pairs of pods twice a second until the end',
    why: 'The outage is measured per pod, not guessed.',
    operation: bind(measuring, () => ({ running: true })),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'a few new connections a second between pods',
    timeoutMs: minutes(1),
    skippable: 'nothing depends on it; the outage is then not measured',
  }

  // 4. Quiet.
  const silence: Change = {
    kind: 'change',
    id: 'quiet',
    title: 'Suspend CronJobs and Flux',
    why: 'New pods in the middle would come up on a network that is going away; Flux would put back what is changed.',
    operation: bind(quiet, () => ({ suspend: true })),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'jobs due meanwhile do not run',
    timeoutMs: minutes(2),
    skippable: 'the move works without it; jobs that start meanwhile may fail',
  }

  // 5. Stage Cilium beside flannel, while everything runs.
  const images: Change = {
    kind: 'change',
    id: 'images',
    title: "Pull Cilium's images on every node",
    why: 'During the outage nothing can be pulled.',
    operation: bind(imagesPresent, () => ciliumImages(version)),
    targets: all,
    order: 'parallel',
    risk: 'disk and bandwidth',
    timeoutMs: minutes(15),
    skippable: 'they are then pulled when Cilium starts, which takes longer',
    when: flannelRuns,
  }
  const wayBackOfCilium: Change = {
    kind: 'change',
    id: 'cilium-way-back',
    title: 'Way back: free the nodes of Cilium',
    why: 'Its links, rules and files outlive its uninstallation.',
    operation: bind(ciliumWayBack, () => undefined),
    targets: all,
    order: 'parallel',
    risk: 'none: nothing happens now',
    timeoutMs: minutes(2),
    when: flannelRuns,
  }
  const beside = guardedAgents({
    kind: 'change',
    id: 'cilium-beside',
    title: 'Install Cilium beside flannel, carrying nothing',
    why: 'A Cilium that cannot start is found here, with nothing stopped.',
    operation: cilium('beside'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'an agent that crashes could cut its node off',
    timeoutMs: minutes(10),
    when: flannelRuns,
  })
  const besideGate: Gate = {
    kind: 'gate',
    id: 'cilium-carries-nothing',
    title: 'Cilium is healthy and carries no pod',
    why: 'Nothing that pods see may have changed.',
    reads: ['kube', 'network', 'etcd'],
    check: (facts) => [...ciliumBeside(facts, podCidr), ...clusterWhole(facts)],
    timeoutMs: minutes(2),
    when: flannelRuns,
  }

  const seed: Change = {
    kind: 'change',
    id: 'cni-seed',
    title: "Put Cilium's CNI configuration where containerd will look",
    why: 'Without it nodes come back NotReady and no pod can start.',
    operation: bind(cniSeeded, (facts: Facts) => ({ portmap: needsPortmap(facts, inventory) })),
    targets: all,
    order: 'parallel',
    risk: 'none: K3s with flannel does not look there',
    timeoutMs: minutes(2),
    when: flannelRuns,
  }

  const portmap: Change = {
    kind: 'change',
    id: 'cni-portmap',
    title: 'Copy the portmap plugin to where containerd will look',
    why: 'Pods with host ports could not start without it: Cilium does not bring it.',
    operation: bind(cniPortmap, (facts: Facts) => ({ needed: needsPortmap(facts, inventory) })),
    targets: all,
    order: 'parallel',
    risk: 'none: K3s with flannel does not look there',
    timeoutMs: minutes(2),
    when: flannelRuns,
  }

  // 6. Stop.
  const podsBack: Change = {
    kind: 'change',
    id: 'pods-way-back',
    title: 'Way back: pods to flannel',
    why: 'A pod keeps the network its sandbox was made with.',
    operation: bind(podsWayBack, () => undefined),
    targets: all,
    order: 'serial',
    risk: 'none: nothing happens now',
    timeoutMs: minutes(5),
    when: flannelRuns,
  }
  const clusterBack: Change = {
    kind: 'change',
    id: 'cluster-way-back',
    title: 'Way back: the cluster whole again',
    why: 'Pods are moved back only when the control plane is there.',
    operation: bind(clusterWayBack, () => undefined),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'none: nothing happens now',
    timeoutMs: minutes(10),
    when: flannelRuns,
  }
  const stopAgents: Change = {
    kind: 'change',
    id: 'stop-agents',
    title: 'Stop K3s on the agents',
    why: 'They learn the new flags only when they start.',
    operation: bind(k3sStopped, () => undefined),
    targets: agents,
    order: 'parallel',
    risk: 'no pod is restarted; nothing new is scheduled there',
    timeoutMs: minutes(3),
    when: flannelRuns,
    membersUp: (facts) => `${servers(facts).length} of ${servers(facts).length}`,
  }
  const stopServers: Change = {
    kind: 'change',
    id: 'stop-servers',
    title: 'Stop K3s on the servers, one after the other, the lifeboat last',
    why: 'Flannel and kube-router live in the k3s process, and can only be switched off for all servers together.',
    operation: bind(k3sStopped, () => undefined),
    targets: servers,
    order: 'serial',
    risk: 'the control plane is away from the second server on until they start again',
    timeoutMs: minutes(3),
    when: flannelRuns,
    // One outage, announced where it begins; it lasts until start-servers is through.
    outage: {
      what: 'the Kubernetes API and everything that needs it; pods go on talking',
      expectedMs: 60_000,
      lasts: {
        // The server with which etcd loses its quorum: the second of three.
        targets: Math.ceil(serverCount / 2),
        until: 'servers-settled',
        wayBack: { from: 'start-servers', until: 'cluster-way-back' },
      },
    },
    membersUp: (facts) => `0 of ${servers(facts).length} at its end (announced outage)`,
  }

  // 7. Flags.
  const setFlags: Change = {
    kind: 'change',
    id: 'flags',
    title: 'Switch flannel and the policy controller off on the servers',
    why: 'In the file that wins for each flag; agents take it from the servers.',
    operation: bind(k3sFlags, () => flags),
    targets: servers,
    order: 'parallel',
    risk: 'none until K3s starts',
    timeoutMs: minutes(2),
    membersUp: (facts) => `0 of ${servers(facts).length} (announced outage)`,
  }
  // 8. Start.
  const startServers: Change = {
    kind: 'change',
    id: 'start-servers',
    title: 'Start K3s on all servers at once, without blocking',
    why: 'A server is not ready before a second one is up: one by one, the first would wait for ever.',
    operation: bind(k3sStarted, () => undefined),
    targets: servers,
    order: 'parallel',
    risk: 'a server that does not come up: two of three are enough to go on or go back',
    timeoutMs: minutes(5),
    membersUp: (facts) => `0, then ${servers(facts).length} of ${servers(facts).length}`,
  }
  const started = (id: string, title: string, ready: boolean, settle: boolean): Gate => ({
    kind: 'gate',
    id,
    title,
    why: '"Ready" may be stale after a restart: leases and heartbeats are what counts.',
    reads: ['etcd', 'kube'],
    check: (facts) => clusterWhole(facts, ready).slice(0, settle ? 3 : 2),
    timeoutMs: minutes(5),
    when: flannelRuns,
  })
  const startAgents: Change = {
    kind: 'change',
    id: 'start-agents',
    title: 'Start K3s on the agents',
    why: 'After all servers: an agent takes its settings from whichever server answers.',
    operation: bind(k3sStarted, () => undefined),
    targets: agents,
    order: 'parallel',
    risk: 'none for running pods',
    timeoutMs: minutes(5),
    membersUp: (facts) => `${servers(facts).length} of ${servers(facts).length}`,
  }

  // 9. and 10. Rules, pods, leftovers.
  const purgeKubeRouter = guardedRules({
    kind: 'change',
    id: 'kube-router-rules',
    title: "Remove kube-router's rules and sets",
    why: 'Frozen rules refuse every new address. From here until policies are on again, no NetworkPolicy is enforced.',
    operation: bind(netfilterPurged, () => ({ owner: 'kube-router' as const })),
    targets: all,
    order: 'parallel',
    risk: 'pods are open to each other until step "policies-on"',
    timeoutMs: minutes(2),
  })
  const carry = guardedAgents({
    kind: 'change',
    id: 'cilium-carrying',
    title: 'Install Cilium',
    why: 'The nodes are NotReady until a CNI is there.',
    operation: cilium('carrying'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'no pod can start before it runs; an agent that crashes could cut its node off',
    timeoutMs: minutes(10),
    outage: { what: 'pods on different nodes', expectedMs: 60_000 },
    when: flannelRuns,
  })
  const recreate = (expectedMs: number): Change => ({
    kind: 'change',
    id: 'pods',
    title: 'Recreate every pod in place, node by node, DNS first',
    why: 'A pod keeps the network its sandbox was made with; a restart of K3s moves none.',
    operation: bind(podsRecreated, () => ({ podCidr })),
    targets: all,
    order: 'serial',
    risk: "every container restarts once, keeping its name and its node; only pods' own links change, none that a node is reached by",
    timeoutMs: minutes(10),
    outage: { what: 'each pod, while it restarts', expectedMs },
  })
  const purgeFlannel = guardedRules({
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
  const purgePortMappings: Change = {
    ...purgeFlannel,
    id: 'hostport-rules',
    title: "Remove port mappings of flannel's pods",
    why: 'Stale hostPort entries lead to dead pods.',
  }
  const removeFlannel = guardedLinks({
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

  // 11. and 12. Policies, proof.
  const enforce = guardedAgents({
    kind: 'change',
    id: 'policies-on',
    title: 'Enforce NetworkPolicies with Cilium',
    why: 'Denied connections now time out instead of being refused.',
    operation: cilium('enforcing'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'policies that named addresses of pods or nodes mean something else under Cilium (cilium.md §6)',
    timeoutMs: minutes(15),
  })
  const carried: Gate = {
    kind: 'gate',
    id: 'pods-carried',
    title: 'Every pod is carried by Cilium, every tunnel is up, the cluster is whole',
    why: 'Joined per pod: its sandbox, its address, its endpoint.',
    reads: ['kube', 'sandboxes', 'network', 'etcd'],
    check: (facts) => [...podsCarried(facts, podCidr, tunnelPort), ...clusterWhole(facts)],
    timeoutMs: minutes(5),
  }
  const gone: Gate = {
    kind: 'gate',
    id: 'leftovers-gone',
    title: 'Nothing of flannel and kube-router is left',
    why: 'Proved by listing, not assumed.',
    reads: ['netfilter', 'network', 'cni'],
    check: (facts) => leftoversGone(facts),
    timeoutMs: minutes(1),
  }
  const after: Record = { ...before, id: 'evidence-after', title: 'Record who can reach whom now', saveAs: 'after' }
  const kept: Gate = {
    kind: 'gate',
    id: 'connectivity-kept',
    title: 'Who could talk before can talk now, who could not still cannot',
    why: 'New connections both ways, from inside the pods.',
    reads: ['kube', 'sandboxes', 'reachability'],
    check: (facts, records) => connectivityKept(records.before ?? null, facts),
    timeoutMs: minutes(2),
  }
  const resume: Change = {
    ...silence,
    id: 'unquiet',
    title: 'Resume the CronJobs and Flux that were suspended',
    why: 'Exactly those that carry our mark.',
    operation: bind(quiet, () => ({ suspend: false })),
    risk: 'none',
  }
  const measured: Change = {
    ...measure,
    id: 'measured',
    title: 'Stop probing and keep what was seen',
    why: 'For the comparison of expected and measured outage.',
    operation: bind(measuring, () => ({ running: false })),
    risk: 'none',
  }

  const phase = (id: string, title: string, steps: readonly (Change | Gate | Record)[]): Phase<Facts, World> => ({
    id,
    title,
    steps,
  })
  const opening = (params: Params) => [
    phase('checks', 'Checks', checks(params)),
    phase('evidence', 'Evidence before', [before]),
    phase('safety', 'Safety', [backup, snapshot, measure]),
    phase('quiet', 'Quiet', [silence]),
  ]
  const closing = [
    phase('policies', 'Policies on', [enforce]),
    phase('validate', 'Validate', [carried, gone, resume, measured, after, kept]),
  ]
  const start = (ready: boolean) => [
    startServers,
    started('servers-settled', 'etcd has a leader, every member votes, the control plane is led', ready, false),
    startAgents,
    started('nodes-heard', 'Every node is heard of', ready, true),
  ]
  const stop = [stopAgents, stopServers]
  const orders = {
    staged: [
      // What can be done while everything runs is not done while the control plane is away.
      phase('stage', 'Stage Cilium beside flannel', [images, wayBackOfCilium, beside, besideGate, portmap, seed]),
      phase('stop', 'Stop K3s', [podsBack, clusterBack, ...stop]),
      phase('flags', 'Flags', [setFlags]),
      phase('start', 'Start K3s', start(true)),
      phase('pods', 'Move the pods', [purgeKubeRouter, recreate(7_000)]),
      phase('clean', 'Clean', [purgeFlannel, removeFlannel]),
    ],
    seed: [
      phase('stage', 'Images', [images]),
      // Cilium is freed while K3s is down on the way back too: flannel cannot start while cilium_vxlan holds its port.
      phase('stop', 'Stop K3s', [podsBack, clusterBack, ...stop, wayBackOfCilium]),
      phase('flags', 'Flags', [setFlags, portmap]),
      phase('clean', 'Clean', [purgeKubeRouter, purgeFlannel, removeFlannel]),
      phase('start', 'Start K3s', start(false)),
      phase('pods', 'Install Cilium, move the pods', [carry, recreate(30_000), purgePortMappings]),
    ],
  }

  return {
    name: 'k3s-flannel-to-cilium',
    description: 'One cut-over of the whole cluster from flannel and kube-router to Cilium',
    parseParams(input) {
      const parsed = paramsSchema.safeParse(input ?? {})
      if (parsed.success) return parsed.data
      throw new InputError(`parameters of k3s-flannel-to-cilium: ${z.prettifyError(parsed.error)}`, {
        next: '--order takes staged or seed',
      })
    },
    finished: (facts) =>
      !flannelRuns(facts) &&
      enforce.operation.diff(facts, CLUSTER) === null &&
      [recreate(0), purgeKubeRouter, purgeFlannel, removeFlannel].every((step) =>
        step.targets(facts).every((target) => step.operation.diff(facts, target) === null),
      ),
    phases: (params) => [...opening(params), ...orders[params.order], ...closing],
  }
}
