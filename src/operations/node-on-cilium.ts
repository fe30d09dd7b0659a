import { dirname } from 'node:path'
import type { Operation, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun, script } from '../nodes/run.ts'
import { conflistName } from './cni-seeded.ts'
import { kubeNow } from './kube-now.ts'
import { holds, labelsOf, labelsTaken, onCilium, withLabels } from './labels.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface NodeOnCilium {
  /** Where K3s' containerd looks for CNI configurations while flannel runs. */
  confDir: string
  /** Configurations there that somebody put out of the way before Cilium came: not ours to give back. */
  strangers: string[]
}

const node = { apiVersion: 'v1', kind: 'Node' }
const pod = { apiVersion: 'v1', kind: 'Pod' }
const namespace = 'kube-system'

/** Ours taken away, what Cilium put out of the way given its name back, unless K3s has written a new one. */
const giveBackScript = `
dir=$1 conf=$2
shift 2
rm -f -- "$dir/$conf"
for kept in "$dir"/*.cilium_bak; do
  [ -e "$kept" ] || continue
  for stranger; do [ "$stranger" != "$kept" ] || continue 2; done
  if [ -e "\${kept%.cilium_bak}" ]; then rm -f -- "$kept"; else mv -- "$kept" "\${kept%.cilium_bak}"; fi
done
`

/** A CiliumNodeConfig is read only when the agent's pod is made anew, not when its container restarts (cilium.md §1.3). */
async function recreateAgent(world: World, target: string, task: TaskContext): Promise<void> {
  const { agents } = (await kubeNow(world)).cilium
  const former = agents.filter((agent) => agent.node === target).map((agent) => agent.name)
  for (const name of former) await world.kube.delete(pod, name, namespace)
  await until(world, task, `a new agent on ${target}`, async () => {
    const { cilium } = await kubeNow(world)
    const own = cilium.agents.filter((agent) => agent.node === target)
    if (own.some((agent) => former.includes(agent.name))) return 'the former one is still there'
    return own.some((agent) => agent.ready) ? null : (own[0]?.waiting ?? 'it is not ready yet')
  })
}

const missingOfConf = (facts: Facts, target: string, confDir: string): string | null =>
  facts.nodes[target]?.cni.files[`${confDir}/${conflistName}`] ? null : `${conflistName} is not there yet`

/**
 * A node given to Cilium while flannel goes on: its label has the agent write the CNI configuration into K3s' own directory,
 * before flannel's by its name. Pods that are there keep their network; new ones are Cilium's.
 */
export const nodeOnCilium: Operation<Facts, World, undefined, NodeOnCilium> = {
  name: 'node.on-cilium',
  reads: ['kube', 'cni', 'k3s'],
  diff(facts, target) {
    const of = facts.nodes[target]
    if (!of) return null
    const { confDir } = of.k3s.cni
    if (holds(labelsOf(facts, target), onCilium) && missingOfConf(facts, target, confDir) === null) return null
    const strangers = Object.keys(of.cni.files).filter(
      (path) => dirname(path) === confDir && path.endsWith('.cilium_bak'),
    )
    return { confDir, strangers }
  },
  predict(facts, target, { confDir }) {
    const of = facts.nodes[target]
    if (!of) return facts
    const path = `${confDir}/${conflistName}`
    const file = { path, type: 'file' as const, sizeBytes: 0, mode: 0o600, text: null, sha256: null }
    const labelled = withLabels(facts, target, onCilium)
    return {
      ...labelled,
      nodes: { ...facts.nodes, [target]: { ...of, cni: { files: { ...of.cni.files, [path]: file } } } },
    }
  },
  fingerprint: ({ confDir }) => confDir,
  render: ({ confDir }) => ({
    summary: `set the node's label ${Object.keys(onCilium)}; recreate its agent, which writes ${confDir}/${conflistName}`,
  }),
  async apply(world, target, _change, task) {
    await world.kube.patch(node, target, undefined, { metadata: { labels: onCilium } })
    await recreateAgent(world, target, task)
  },
  async verify(world, target, { confDir }, task) {
    await until(world, task, `Cilium's CNI configuration on ${target}`, async () =>
      missingOfConf(await world.look(['cni'], [target]), target, confDir),
    )
  },
  undo: {
    how: "take the label away; recreate the agent, unless a guard holds it down: it leaves the CNI configuration alone then; give flannel's its name back",
    async run(world, target, { confDir, strangers }, task) {
      await world.kube.patch(node, target, undefined, { metadata: { labels: labelsTaken(onCilium) } })
      // One that is held down does nothing, and may cut its node off once more if it could.
      const { nodes } = await world.look(['guards'], [target])
      if (nodes[target]?.guards?.holdsAgent !== true) await recreateAgent(world, target, task)
      const command = script('give-cni-back', giveBackScript, [confDir, conflistName, ...strangers])
      await mustRun(world.nodes.get(target), { ...command, mode: 'write', timeoutMs: 30_000 })
    },
  },
}
