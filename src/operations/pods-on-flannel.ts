import type { Operation, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import type { Sandbox } from '../facts/sandboxes.ts'
import { forgetGonePods, hasGonePods, lookBefore, withoutGonePods } from './gone-pods.ts'
import { inOrder, type PodsChange, readyPods, recreate } from './pods-recreated.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

/**
 * Flannel's plugin keeps a result of each sandbox that it made, by the sandbox's id: that tells whose a pod is also where
 * Cilium was given K3s' own range of addresses.
 */
const isOnFlannel = (facts: Facts, target: string, { id }: Sandbox): boolean =>
  facts.nodes[target]?.cni.files[`/var/lib/cni/results/cbr0-${id}-eth0`] !== undefined

/** Ready sandboxes on a pod network that is not flannel's. */
const elsewhere = (facts: Facts, target: string): Sandbox[] =>
  (facts.nodes[target]?.sandboxes ?? []).filter(
    (one) => one.ready && one.netns !== null && !isOnFlannel(facts, target, one),
  )

type Pod = Facts['kube']['pods'][number]

/** The API goes on saying Ready of a pod whose sandbox was stopped a moment ago: the address has to be its sandbox's. */
const runsOnFlannel = (facts: Facts, target: string, { namespace, name, ip, ready }: Pod): boolean =>
  ready &&
  (facts.nodes[target]?.sandboxes ?? []).some(
    (one) =>
      one.ready && one.namespace === namespace && one.name === name && one.ip === ip && isOnFlannel(facts, target, one),
  )

const families = ['sandboxes', 'kube', 'cni'] as const

/** Why not every pod of the node is on flannel, or null. `ready` are those that were ready before. */
export function missingOnFlannel(facts: Facts, target: string, ready: readonly string[]): string | null {
  if (!facts.nodes[target]?.sandboxes) return 'containerd does not answer'
  if (!facts.kube.reachable) return `the API does not answer: ${facts.kube.error ?? 'no reason given'}`
  const left = elsewhere(facts, target)
  if (left.length > 0) return `${left.length} pods are still on the old network`
  // One that is no more is nothing to wait for: its controller has made another.
  const expected = facts.kube.pods.filter(
    (pod) => pod.node === target && ready.includes(`${pod.namespace}/${pod.name}`),
  )
  const waiting = expected.filter((pod) => !runsOnFlannel(facts, target, pod))
  if (waiting.length === 0) return null
  return `${expected.length - waiting.length} of ${expected.length} pods are ready (${waiting[0]?.namespace}/${waiting[0]?.name}: ${waiting[0]?.waiting ?? waiting[0]?.phase})`
}

async function back(world: World, target: string, ready: readonly string[], task: TaskContext): Promise<void> {
  await until(
    world,
    task,
    `the pods of ${target}`,
    async () => {
      const facts = await world.look(families, [target])
      await world.probe.follow(task.runId)
      return missingOnFlannel(facts, target, ready)
    },
    500,
  )
}

/** Every pod of the node on flannel, recreated in place: a pod keeps the network its sandbox was made with. */
export const podsOnFlannel: Operation<Facts, World, undefined, PodsChange> = {
  name: 'pods.on-flannel',
  reads: families,
  diff(facts, target) {
    const node = facts.nodes[target]
    if (!node) return null
    const left = elsewhere(facts, target)
    if (node.sandboxes && left.length === 0 && !hasGonePods(node.cni)) return null
    return { sandboxes: inOrder(facts, left), ready: readyPods(facts, target) }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node?.sandboxes) return facts
    const moved = new Set(change.sandboxes.map((one) => one.id))
    const sandboxes = node.sandboxes.filter((one) => !moved.has(one.id))
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, sandboxes, cni: withoutGonePods(node.cni) } } }
  },
  // Pods come and go: which ones is not for the plan to fix, that all of them move is.
  fingerprint: () => 'every pod that is not on flannel',
  render: (change) => ({
    summary: `recreate ${change.sandboxes.length} pods in place, by stopping their sandboxes`,
    notes: change.sandboxes.map((one) => one.pod),
  }),
  async apply(world, target, change, task) {
    const before = await lookBefore(world, target)
    const moving = {
      reads: families,
      pick: (facts: Facts) => elsewhere(facts, target),
      isBack: (facts: Facts, pod: Pod) => runsOnFlannel(facts, target, pod),
    }
    await recreate(world, target, moving, task)
    await back(world, target, change.ready, task)
    await forgetGonePods(world, target, before, task)
  },
  verify: (world, target, change, task) => back(world, target, change.ready, task),
  undo: { notNeeded: 'there is no other network to put them on' },
}
