import type { Operation } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import type { KubeApi } from '../kube/api.ts'
import { deleteChartObject } from './cilium-chart-object.ts'
import { freeNodesOfTaint } from './cilium-taints.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface AgentsChange {
  /** For how long the API is asked. */
  limitMinutes: number
  /** Nodes that did not answer when this was planned. */
  silent: string[]
}

const namespace = 'kube-system'
const daemonSet = { apiVersion: 'apps/v1', kind: 'DaemonSet' }
const daemonSets = ['cilium', 'cilium-envoy']
const pod = { apiVersion: 'v1', kind: 'Pod' }
/** Of the agents, Envoy and the operator; charts before 1.14 have no common one. */
const labels = ['app.kubernetes.io/part-of=cilium', 'k8s-app in (cilium,cilium-envoy)', 'io.cilium/app=operator']
/** The API may be there for seconds only. */
const everyMs = 2_000

/** What installs it anew goes first, and then the agents. Pods of nodes that are cut off end for nobody: not waited for. */
async function removeAll(kube: KubeApi): Promise<void> {
  await deleteChartObject(kube)
  for (const name of daemonSets) await kube.delete(daemonSet, name, namespace)
  await kube.delete({ apiVersion: 'apps/v1', kind: 'Deployment' }, 'cilium-operator', namespace)
  for (const labelSelector of labels)
    for (const { metadata } of await kube.list(pod, { namespace, labelSelector }))
      await kube.delete(pod, metadata.name, namespace, { uid: metadata.uid ?? '', graceSeconds: 0 })
}

const powerSwitch = (silent: readonly string[]): string =>
  silent.length === 0
    ? ''
    : `. Without more than half of the servers it cannot answer; cut off when this was planned: ${silent.join(', ')}. The power switch brings one back`

/**
 * Cilium's agents gone from the API, with whatever would start or install them anew, as soon as the API answers: where agents
 * crash, it may do so for moments only. The rest of the release is inert, and another operation's.
 */
export const ciliumAgentsRemoved: Operation<Facts, World, { limitMinutes: number }, AgentsChange> = {
  name: 'cilium.agents-removed',
  // Nothing: that the API answers is what is waited for.
  reads: [],
  diff({ kube, silent = {} }, _target, { limitMinutes }) {
    const { chart, daemonSet: agents, agents: pods, operatorReady } = kube.cilium
    const isThere = agents !== null || pods.length > 0 || operatorReady > 0 || chart?.by === 'helm-chart-object'
    return kube.reachable && !isThere ? null : { limitMinutes, silent: Object.keys(silent) }
  },
  predict: (facts) => ({
    ...facts,
    kube: { ...facts.kube, cilium: { ...facts.kube.cilium, daemonSet: null, agents: [], operatorReady: 0 } },
  }),
  fingerprint: () => 'agents, and what starts them',
  render: ({ limitMinutes, silent }) => ({
    summary: `delete the DaemonSets ${daemonSets.join(' and ')} as soon as the API answers, asking every ${everyMs / 1000} s for at most ${limitMinutes} min`,
    notes: [
      "before them a HelmChart object kube-system/cilium: from then on K3s' helm controller only uninstalls, by a job on the host's network",
      "with them their pods and Cilium's operator, and the taint that it keeps on nodes without an agent",
      ...(silent.length === 0 ? [] : [`silent now: ${silent.join(', ')}; it may take their power switch`]),
    ],
  }),
  async apply(world, _target, { limitMinutes, silent }, task) {
    const what = `the API (at most ${limitMinutes} min)`
    const say = (message: string) => task.say(`${message}${powerSwitch(silent)}`)
    const remove = async () => {
      await removeAll(world.kube)
      await freeNodesOfTaint(world, task)
      return null
    }
    await until(world, { ...task, say }, what, remove, everyMs)
  },
  async verify(world, _target, _change, task) {
    await until(world, task, "Cilium's DaemonSets to be gone", async () => {
      const left = await Promise.all(daemonSets.map((name) => world.kube.get(daemonSet, name, namespace)))
      return left.some((one) => one !== null) ? 'somebody has made them again' : null
    })
  },
  undo: {
    impossible:
      'they would take the nodes off the network again; once the cause is mended, k3s-flannel-to-cilium installs them anew',
  },
}
