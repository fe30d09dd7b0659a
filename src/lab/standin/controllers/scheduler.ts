import { timestamp } from '../api/operations.ts'
import { type Action, isActive, target, type View } from './model.ts'
import { obstacle } from './scheduling.ts'

/** Binds each pod that has no node to the one that can take it and has the fewest. */
export function scheduler(view: View): Action[] {
  const pods = view.all('pods').filter(isActive)
  const placed = [...pods]
  const actions: Action[] = []
  for (const pod of pods.filter((one) => !one.spec.nodeName)) {
    const obstacles: string[] = []
    const fitting = view.all('nodes').filter((node) => {
      const reason = obstacle(pod, node, placed)
      if (reason !== undefined) obstacles.push(reason)
      return reason === undefined
    })
    const load = (name: string) => placed.filter((other) => other.spec.nodeName === name).length
    const [best] = fitting.toSorted((one, two) => load(one.metadata.name) - load(two.metadata.name))
    if (best) {
      const nodeName = best.metadata.name
      placed.push({ ...pod, spec: { ...pod.spec, nodeName } })
      actions.push(
        { do: 'merge', collection: 'pods', ...target(pod), patch: { spec: { nodeName } } },
        {
          do: 'status',
          collection: 'pods',
          ...target(pod),
          status: { ...pod.status, conditions: [scheduled('True')] },
        },
      )
    } else if (pod.status?.conditions?.[0]?.status !== 'False') {
      const message = `0/${view.all('nodes').length} nodes are available: ${[...new Set(obstacles)].join(', ')}.`
      const condition = { ...scheduled('False'), reason: 'Unschedulable', message }
      actions.push({
        do: 'status',
        collection: 'pods',
        ...target(pod),
        status: { ...pod.status, conditions: [condition] },
      })
    }
  }
  return actions
}

const scheduled = (status: 'True' | 'False') => ({
  type: 'PodScheduled',
  status,
  lastProbeTime: null,
  lastTransitionTime: timestamp(),
})
