import type { Operation } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import type { StuckPod } from '../facts/stuck.ts'
import { KubeError } from '../kube/errors.ts'
import { keepObject } from './kept-object.ts'
import { describePod, stuckPods, wayOf } from './stuck.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface StuckPodsChange {
  pods: (Pick<StuckPod, 'namespace' | 'name' | 'uid'> & { about: string })[]
}

const pods = { apiVersion: 'v1', kind: 'Pod' }
const place = ({ namespace, name }: StuckPodsChange['pods'][number]) => ({
  ...{ apiVersion: 'v1', plural: 'pods', namespace, name },
})

/** Gone, or held by nothing but finalizers. */
const isDeleted = (pod: StuckPod | undefined) => pod === undefined || pod.graceSeconds === 0

/**
 * Pods of a node that hang and of which, by the node's own word, no container runs: deleted without waiting for the kubelet.
 * `owned`: those that a controller makes anew; else those that nobody does.
 */
export const stuckPodsDeleted: Operation<Facts, World, { owned: boolean }, StuckPodsChange> = {
  name: 'pods.stuck-deleted',
  reads: ['stuck', 'kube', 'sandboxes', 'containers'],
  diff(facts, target, { owned }) {
    const found = stuckPods(facts)
      .filter(({ pod }) => pod.node === target && (pod.owner !== null) === owned && wayOf(facts, pod).do === 'delete')
      .map(({ pod, why }) => ({
        ...{ namespace: pod.namespace, name: pod.name, uid: pod.uid, about: describePod(facts, pod, why) },
      }))
    return found.length === 0 ? null : { pods: found }
  },
  predict(facts, _target, change) {
    if (!facts.stuck) return facts
    const uids = new Set(change.pods.map(({ uid }) => uid))
    const held = new Set(facts.stuck.pods.filter(({ finalizers }) => finalizers.length > 0).map(({ uid }) => uid))
    const isGone = ({ uid }: { uid: string }) => uids.has(uid) && !held.has(uid)
    return {
      ...facts,
      stuck: {
        ...facts.stuck,
        pods: facts.stuck.pods
          .filter((pod) => !isGone(pod))
          .map((pod) => (uids.has(pod.uid) ? { ...pod, dueMs: pod.dueMs ?? 0, graceSeconds: 0 } : pod)),
        namespaces: facts.stuck.namespaces.map((namespace) => ({
          ...namespace,
          remaining: namespace.remaining.filter((object) => !isGone(object)),
        })),
      },
    }
  },
  fingerprint: (change) => change.pods.map(({ namespace, name, uid }) => `${namespace}/${name} ${uid}`).sort(),
  render: (change) => ({
    summary: `delete ${change.pods.length} ${change.pods.length === 1 ? 'pod' : 'pods'}, by force and without grace`,
    notes: change.pods.map(({ about }) => about),
  }),
  async apply(world, target, change) {
    for (const pod of change.pods) {
      await keepObject(world, target, place(pod))
      try {
        await world.kube.delete(pods, pod.name, pod.namespace, { uid: pod.uid, graceSeconds: 0 })
      } catch (error) {
        // Another one of that name: the one that was meant is gone.
        if (!(error instanceof KubeError && error.status === 409)) throw error
      }
    }
  },
  async verify(world, _target, change, task) {
    await until(world, task, 'the pods to be gone', async () => {
      const { stuck } = await world.look(['stuck'], [])
      if (stuck === undefined || stuck.error !== null) return `the API does not answer: ${stuck?.error ?? ''}`
      const left = change.pods.filter(({ uid }) => !isDeleted(stuck.pods.find((pod) => pod.uid === uid)))
      return left.length === 0 ? null : `${left.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')}`
    })
  },
  undo: {
    impossible:
      "a pod that was deleted is not brought back; as it was it is in the run's folder, under backups/<node>/objects/pods, to be made again by hand",
  },
}
