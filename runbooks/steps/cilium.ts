import { bind, CLUSTER } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { ciliumImages } from '../../src/operations/cilium-images.ts'
import { ciliumInstalled } from '../../src/operations/cilium-installed.ts'
import { ciliumNodeConfig } from '../../src/operations/cilium-node-config.ts'
import {
  type CiliumStage,
  ciliumValues,
  needsPortmap,
  type PoliciesMeanwhile,
  valuesText,
} from '../../src/operations/cilium-values.ts'
import { ciliumWayBack } from '../../src/operations/cilium-way-back.ts'
import { cniPortmap } from '../../src/operations/cni-portmap.ts'
import { cniSeeded } from '../../src/operations/cni-seeded.ts'
import { imagesPresent } from '../../src/operations/images-present.ts'
import { flannelRuns } from './flannel-flags.ts'
import { guardedAgents } from './guards.ts'
import { all, type Change, minutes } from './step.ts'

/** What brings Cilium to the nodes, stage by stage, and what takes it away on the way back. */
export function ciliumSteps(
  inventory: Inventory,
  besideStage: 'beside' | 'node-by-node',
  policies: PoliciesMeanwhile = 'open',
) {
  const { canary } = inventory
  const { tunnelPort, version, chart, install } = inventory.cilium
  const cilium = (stage: CiliumStage) =>
    bind(ciliumInstalled, (facts: Facts) => ({
      version,
      chart,
      install,
      tunnelPort,
      values: valuesText(ciliumValues(inventory, facts, stage, policies)),
    }))
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
    takesMs: 60_000,
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
    title: `Install Cilium beside flannel on the canary ${canary}, carrying nothing`,
    why: 'A Cilium that cannot start is found here, with nothing stopped.',
    operation: cilium(besideStage),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'an agent that crashes could cut its node off',
    timeoutMs: minutes(10),
    takesMs: 20_000,
    when: flannelRuns,
  })
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
  const carry = guardedAgents({
    kind: 'change',
    id: 'cilium-carrying',
    title: `Install Cilium, first on the canary ${canary}`,
    why: 'The nodes are NotReady until a CNI is there.',
    operation: cilium('carrying'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'no pod can start before it runs; an agent that crashes could cut its node off',
    timeoutMs: minutes(10),
    takesMs: 40_000,
    outage: { what: 'pods on different nodes', expectedMs: 60_000 },
    when: flannelRuns,
  })
  const carryEverywhere = guardedAgents({
    kind: 'change',
    id: 'cilium-everywhere',
    title: 'Have Cilium write its CNI configuration where containerd looks without flannel',
    why: 'Without it nodes come back NotReady and no pod can start.',
    operation: cilium('carrying'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'its agents restart one after the other; what they carry goes on talking',
    timeoutMs: minutes(15),
    takesMs: 60_000,
    when: flannelRuns,
  })
  const nodeConfig = (there: boolean): Change => ({
    kind: 'change',
    id: there ? 'node-config' : 'node-config-gone',
    title: there ? 'Say what Cilium does on a node that is given to it' : 'Take away what was said of single nodes',
    why: there ? 'Nodes are moved by a label, one wave after the other.' : 'All of them are alike now.',
    operation: bind(ciliumNodeConfig, (facts: Facts) => ({ there, portmap: needsPortmap(facts, inventory) })),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: there ? 'none: no node has the label yet' : 'none',
    timeoutMs: minutes(2),
    when: flannelRuns,
  })
  const audit = guardedAgents({
    kind: 'change',
    id: 'policies-audited',
    title: 'Have Cilium judge by NetworkPolicies, and log what it would drop instead of dropping it',
    why: 'Look before the next step: hubble observe --verdict AUDIT. What is listed there will be cut off.',
    operation: cilium('auditing'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'none for connections: nothing is dropped yet',
    timeoutMs: minutes(15),
    takesMs: 60_000,
    // Where they are enforced already there is nothing to look at first.
    when: (facts) => enforce.operation.diff(facts, CLUSTER) !== null,
  })
  const enforce = guardedAgents({
    kind: 'change',
    id: 'policies-on',
    title: 'Enforce NetworkPolicies with Cilium',
    why: 'Denied connections now time out instead of being refused.',
    operation: cilium('enforcing'),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'policies that named addresses of pods or nodes mean something else under Cilium (cilium.md §6)',
    exposure: 'nothing more than policies allow: Cilium enforces them on every pod',
    timeoutMs: minutes(15),
    takesMs: 60_000,
  })
  return { images, wayBackOfCilium, beside, seed, portmap, carry, carryEverywhere, nodeConfig, audit, enforce }
}
