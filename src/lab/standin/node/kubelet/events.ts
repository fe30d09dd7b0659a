import { createHash } from 'node:crypto'
import { ApiError, type NodeContext } from '../../context.ts'
import type { Pod } from './pod.ts'

/** Records an Event of a pod; the same one again raises its count, as the real recorder's aggregation does. */
export async function recordEvent(
  context: NodeContext,
  pod: Pod,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): Promise<void> {
  const digest = createHash('sha256').update(`${pod.uid} ${reason} ${message}`).digest('hex').slice(0, 16)
  const name = `${pod.name}.${digest}`
  const folder = `/api/v1/namespaces/${pod.namespace}/events`
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  try {
    await context.api.create(folder, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: pod.namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: pod.namespace, name: pod.name, uid: pod.uid },
      type,
      reason,
      message,
      source: { component: 'kubelet', host: context.nodeName },
      reportingComponent: 'kubelet',
      reportingInstance: context.nodeName,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    })
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 409) throw error
    const event = await context.api.get(`${folder}/${name}`)
    await context.api.patch(`${folder}/${name}`, { count: Number(event.count ?? 1) + 1, lastTimestamp: now })
  }
}
