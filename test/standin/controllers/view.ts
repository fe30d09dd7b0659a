import type { ApiObject } from '../../../src/lab/standin/context.ts'
import type { View } from '../../../src/lab/standin/controllers/model.ts'

/** A controller's view of these collections, at this time. */
export function viewOf(collections: Record<string, ApiObject[]>, now = new Date('2026-01-01T12:00:00Z')): View {
  return {
    all: (collection) => collections[collection] ?? [],
    everything: () => Object.values(collections).flat(),
    now,
  }
}

let made = 0
export function object(
  kind: string,
  name: string,
  more: Record<string, unknown> = {},
  metadata: object = {},
): ApiObject {
  made++
  return {
    apiVersion: 'v1',
    kind,
    ...more,
    metadata: {
      name,
      namespace: 'n',
      uid: `uid-${made}`,
      generation: 1,
      creationTimestamp: '2026-01-01T11:00:00Z',
      ...metadata,
    },
  }
}

export const node = (name: string, more: Record<string, unknown> = {}): ApiObject =>
  object(
    'Node',
    name,
    { spec: {}, status: { conditions: [{ type: 'Ready', status: 'True' }] }, ...more },
    { labels: { 'kubernetes.io/hostname': name } },
  )

export const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
