import { createHash } from 'node:crypto'
import type { ApiObject } from '../context.ts'
import { ownerOf } from './model.ts'

/** A short digest of a pod template; a changed template gives other pods. */
export function templateHash(template: object): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10)
}

/** A pod as a controller creates it from its template. */
export function podFrom(owner: ApiObject, template: ApiObject, labels: Record<string, string> = {}): ApiObject {
  const metadata = structuredClone(template.metadata ?? { name: '' })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      name: '',
      ...{ generateName: `${owner.metadata.name}-` },
      namespace: owner.metadata.namespace ?? '',
      labels: { ...metadata.labels, ...labels },
      ownerReferences: ownerOf(owner),
    },
    spec: structuredClone(template.spec),
  }
}
