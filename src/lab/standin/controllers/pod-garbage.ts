import { type Controller, target } from './model.ts'

const quarantineMs = 40_000

/**
 * Pods of nodes that are no more go without their kubelet's word, 40 s after the node was first missed
 * (kubernetes, pkg/controller/podgc). It remembers what it has missed: one for the time of a leadership.
 */
export function podGarbage(): Controller {
  const missedSinceMs = new Map<string, number>()
  return (view) => {
    const nodes = new Set(view.all('nodes').map((node) => node.metadata.name))
    const nowMs = view.now.getTime()
    const lost = view.all('pods').flatMap((pod) => {
      const name: string | undefined = pod.spec?.nodeName
      return name === undefined || nodes.has(name) ? [] : [{ pod, name }]
    })
    for (const name of missedSinceMs.keys()) if (!lost.some((one) => one.name === name)) missedSinceMs.delete(name)
    return lost.flatMap(({ pod, name }) => {
      const sinceMs = missedSinceMs.get(name) ?? nowMs
      missedSinceMs.set(name, sinceMs)
      if (nowMs - sinceMs < quarantineMs) return []
      return [{ do: 'delete', collection: 'pods', ...target(pod), uid: pod.metadata.uid ?? '', graceSeconds: 0 }]
    })
  }
}
