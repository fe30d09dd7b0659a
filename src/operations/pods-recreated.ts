import type { Operation, TaskContext } from '../engine/model.ts'
import type { Facts, Family } from '../facts/facts.ts'
import { inNetwork } from '../facts/in-network.ts'
import type { Sandbox } from '../facts/sandboxes.ts'
import { mustRun } from '../nodes/run.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

export interface PodsChange {
  /** Sandboxes to stop, DNS first. */
  sandboxes: { id: string; pod: string }[]
  /** Pods that were ready before: these are waited for. One that was broken before must not stop the run. */
  ready: string[]
}

const podKey = (pod: { namespace: string; name: string }) => `${pod.namespace}/${pod.name}`
const podOf = (sandbox: Sandbox) => `${sandbox.namespace}/${sandbox.name}`

/** DNS first: every other pod waits for it while it starts. */
const isDns = (facts: Facts, pod: string) =>
  facts.kube.pods.some((one) => `${one.namespace}/${one.name}` === pod && one.labels['k8s-app'] === 'kube-dns')

/** Ready sandboxes on the pod network whose address lies (or does not lie) in Cilium's range. hostNetwork pods have no netns. */
export function sandboxesOn(facts: Facts, target: string, network: 'cilium' | 'other', podCidr: string): Sandbox[] {
  const onPodNetwork = (facts.nodes[target]?.sandboxes ?? []).filter((one) => one.ready && one.netns !== null)
  return onPodNetwork.filter((one) => inNetwork(one.ip, podCidr) === (network === 'cilium'))
}

/**
 * What has to be recreated for all pods of a node to be on a network. On the way to flannel also its own pods whose lease is
 * gone: cni0 was deleted with it, and a new one does not take their ends of the link (measured.md, second part 3).
 */
export function sandboxesToMove(facts: Facts, target: string, network: 'cilium' | 'other', podCidr: string): Sandbox[] {
  if (network === 'cilium') return sandboxesOn(facts, target, 'other', podCidr)
  const files = facts.nodes[target]?.cni.files ?? {}
  const isStranded = ({ ip }: Sandbox) => ip !== null && files[`/var/lib/cni/networks/cbr0/${ip}`] === undefined
  return [
    ...sandboxesOn(facts, target, 'cilium', podCidr),
    ...sandboxesOn(facts, target, 'other', podCidr).filter(isStranded),
  ]
}

/** As they are to be stopped: DNS first. */
export const inOrder = (facts: Facts, sandboxes: readonly Sandbox[]) =>
  sandboxes
    .map((one) => ({ id: one.id, pod: podOf(one), dns: isDns(facts, podOf(one)) }))
    .sort((a, b) => Number(b.dns) - Number(a.dns) || a.pod.localeCompare(b.pod))
    .map(({ id, pod }) => ({ id, pod }))

/** Their pods keep name and node: the kubelet makes each a new one. */
export async function stopSandboxes(
  world: World,
  target: string,
  ids: readonly string[],
  task: TaskContext,
): Promise<void> {
  if (ids.length === 0) return
  const argv = ['k3s', 'crictl', 'stopp', ...ids] as const
  await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: task.remainingMs() })
}

/** Pods of a node that are ready now, as `namespace/name`. */
export const readyPods = (facts: Facts, target: string): string[] =>
  facts.kube.pods
    .filter((pod) => pod.node === target && pod.ready && !pod.hostNetwork)
    .map((pod) => `${pod.namespace}/${pod.name}`)

/** Why the node's pods have not all moved, or null. Joined per pod: counts of endpoints lie (cilium.md §5.2). */
export function missingOfPods(
  facts: Facts,
  target: string,
  network: 'cilium' | 'other',
  podCidr: string,
  ready: readonly string[],
): string | null {
  if (facts.nodes[target]?.sandboxes === null) return 'containerd does not answer'
  if (!facts.kube.reachable) return `the API does not answer: ${facts.kube.error ?? 'no reason given'}`
  const left = sandboxesOn(facts, target, network === 'cilium' ? 'other' : 'cilium', podCidr)
  if (left.length > 0)
    return `${left.length} pods are still on the old network (${left.slice(0, 3).map(podOf).join(', ')})`
  const expected = facts.kube.pods.filter(
    (pod) => pod.node === target && !pod.hostNetwork && !['Succeeded', 'Failed'].includes(pod.phase),
  )
  // The API goes on saying Ready of a pod whose sandbox was stopped a moment ago.
  const runs = (pod: (typeof expected)[number]) =>
    pod.ready &&
    facts.nodes[target]?.sandboxes?.some((one) => one.ready && podOf(one) === podKey(pod) && one.ip === pod.ip)
  const waiting = expected.filter(
    (pod) => inNetwork(pod.ip, podCidr) !== (network === 'cilium') || (ready.includes(podKey(pod)) && !runs(pod)),
  )
  if (waiting.length > 0)
    return `${expected.length - waiting.length} of ${expected.length} pods are ready (${waiting[0]?.namespace}/${waiting[0]?.name}: ${waiting[0]?.waiting ?? waiting[0]?.ip ?? waiting[0]?.phase})`
  if (network === 'other') return null
  const unmanaged = expected.find(
    (pod) =>
      !facts.kube.cilium.endpoints.some(
        (endpoint) => endpoint.namespace === pod.namespace && endpoint.name === pod.name && endpoint.ip === pod.ip,
      ),
  )
  return unmanaged ? `${unmanaged.namespace}/${unmanaged.name} has no CiliumEndpoint with its address yet` : null
}

/** K3s may have been started a moment ago: what containerd does not tell is not "no pods". */
async function containerdAnswers(world: World, target: string, task: TaskContext): Promise<Facts> {
  const families = ['sandboxes', 'kube', 'cni'] as const
  let facts = await world.look(families, [target])
  await until(
    world,
    task,
    `containerd on ${target}`,
    async () => {
      if (facts.nodes[target]?.sandboxes) return null
      facts = await world.look(families, [target])
      return facts.nodes[target]?.sandboxes ? null : 'it does not answer yet'
    },
    500,
  )
  return facts
}

/** Which sandboxes are to go, and how a pod that was made anew is told. */
interface Moving {
  /** Families that `isBack` reads. */
  reads: readonly Family[]
  pick(facts: Facts): readonly Sandbox[]
  isBack(facts: Facts, pod: Facts['kube']['pods'][number]): boolean
}

/** Makes pods anew by stopping their sandboxes, in batches: DNS alone first, then the rest. They keep name and node. */
export async function recreate(world: World, target: string, moving: Moving, task: TaskContext): Promise<void> {
  const facts = await containerdAnswers(world, target, task)
  const left = inOrder(facts, moving.pick(facts))
  const dns = left.filter((one) => isDns(facts, one.pod))
  const rest = left.filter((one) => !isDns(facts, one.pod))
  for (const batch of [dns, rest]) {
    if (batch.length === 0) continue
    task.say(`stopping ${batch.length} sandboxes${batch === dns ? ' (DNS first)' : ''}`)
    await stopSandboxes(
      world,
      target,
      batch.map((one) => one.id),
      task,
    )
    if (batch === dns)
      await until(
        world,
        task,
        'DNS to be back',
        async () => {
          const now = await world.look(moving.reads, [target])
          const back = now.kube.pods.filter((pod) => pod.node === target && pod.labels['k8s-app'] === 'kube-dns')
          return back.every((pod) => pod.ready && moving.isBack(now, pod)) ? null : 'not ready yet'
        },
        500,
      )
  }
}

/** Moves a node's pods to the other network: Cilium's has a range of its own. */
export async function movePods(
  world: World,
  target: string,
  network: 'cilium' | 'other',
  task: TaskContext,
): Promise<void> {
  const { podCidr } = world.inventory.cilium
  const moving: Moving = {
    reads: ['kube', 'sandboxes'],
    pick: (facts) => sandboxesToMove(facts, target, network, podCidr),
    isBack: (_facts, pod) => inNetwork(pod.ip, podCidr) === (network === 'cilium'),
  }
  await recreate(world, target, moving, task)
}

/** Every pod of the node carried by Cilium, recreated in place: a pod keeps the network its sandbox was made with. */
export const podsRecreated: Operation<Facts, World, { podCidr: string }, PodsChange> = {
  name: 'pods.recreated',
  reads: ['sandboxes', 'kube'],
  diff(facts, target, { podCidr }) {
    const left = sandboxesOn(facts, target, 'other', podCidr)
    const isKnown = facts.nodes[target]?.sandboxes !== null
    if (isKnown && left.length === 0) return null
    return { sandboxes: inOrder(facts, left), ready: readyPods(facts, target) }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node?.sandboxes) return facts
    const moved = new Set(change.sandboxes.map((one) => one.id))
    const sandboxes = node.sandboxes.filter((one) => !moved.has(one.id))
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, sandboxes } } }
  },
  // Pods come and go: which ones is not for the plan to fix, that all of them move is.
  fingerprint: () => 'every pod on the old network',
  render: (change) => ({
    summary: `recreate ${change.sandboxes.length} pods in place, by stopping their sandboxes`,
    notes: change.sandboxes.map((one) => one.pod),
  }),
  apply: (world, target, _change, task) => movePods(world, target, 'cilium', task),
  async verify(world, target, change, task) {
    const { podCidr } = world.inventory.cilium
    await until(
      world,
      task,
      `the pods of ${target}`,
      async () => {
        const facts = await world.look(['sandboxes', 'kube'], [target])
        await world.probe.follow(task.runId)
        return missingOfPods(facts, target, 'cilium', podCidr, change.ready)
      },
      500,
    )
  },
  undo: { notNeeded: 'they are recreated on flannel once K3s runs with it again (undoing of pods-way-back)' },
}

/** Used on the way back, when K3s runs with flannel again: nothing may be left on Cilium's network. */
export async function returnPods(
  world: World,
  target: string,
  ready: readonly string[],
  task: TaskContext,
): Promise<void> {
  await movePods(world, target, 'other', task)
  const { podCidr } = world.inventory.cilium
  await until(
    world,
    task,
    `the pods of ${target}`,
    async () => {
      const facts = await world.look(['sandboxes', 'kube'], [target])
      await world.probe.follow(task.runId)
      return missingOfPods(facts, target, 'other', podCidr, ready)
    },
    500,
  )
}
