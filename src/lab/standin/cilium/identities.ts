import { type ApiClient, ApiError } from '../context.ts'
import { ciliumIdentities } from './kube-paths.ts'

const withSource = (labels: Record<string, string>) =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [`k8s:${key}`, value]))

/** The numbers of identities: one CiliumIdentity per set of labels; two agents may make one each at the same moment. */
export function identityAllocator(api: ApiClient): (labels: Record<string, string>) => Promise<number> {
  const known = new Map<string, number>()
  return async (labels) => {
    const key = JSON.stringify(withSource(labels))
    const cached = known.get(key)
    if (cached !== undefined) return cached
    const sorted = (object: Record<string, string>) =>
      JSON.stringify(Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))))
    const same = (await api.list(ciliumIdentities)).find(
      (identity) => sorted(identity['security-labels'] ?? {}) === sorted(withSource(labels)),
    )
    if (same !== undefined) {
      known.set(key, Number(same.metadata.name))
      return Number(same.metadata.name)
    }
    for (;;) {
      // 256 and below are reserved, as in Cilium.
      const number = 257 + Math.floor(Math.random() * 65_000)
      try {
        await api.create(ciliumIdentities, {
          apiVersion: 'cilium.io/v2',
          kind: 'CiliumIdentity',
          metadata: {
            name: `${number}`,
            labels: Object.fromEntries(
              Object.entries(labels).filter(([label]) => !label.startsWith('io.cilium.k8s.namespace.labels.')),
            ),
          },
          'security-labels': withSource(labels),
        })
        known.set(key, number)
        return number
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 409)) throw error
      }
    }
  }
}
