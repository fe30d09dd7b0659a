import { stringify } from 'yaml'
import type { Evidence } from '../probes/evidence.ts'

export type Policy = Evidence['facts']['kube']['policies'][number]

/** What the API leaves out when it is empty, and what is only there because facts name every key. */
function trimmed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(trimmed)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, one]) => {
    if (one === null) return false
    // An absent list of peers or ports means all, as an empty one does; empty labels and expressions say nothing.
    const empty = Array.isArray(one) ? one.length === 0 : typeof one === 'object' && Object.keys(one).length === 0
    return !(empty && ['matchLabels', 'matchExpressions', 'from', 'to', 'ports', 'except'].includes(key))
  })
  return Object.fromEntries(entries.map(([key, one]) => [key, trimmed(one)]))
}

/** An object as YAML. The quoting is the library's: names and labels are whatever the API says. */
export const manifestOf = (object: object): string => stringify(trimmed(object), { aliasDuplicateObjects: false })

/** A NetworkPolicy as it stands, so that it can be put back. */
export function policyManifest({ namespace, name, spec }: Policy): string {
  const { policyTypes, ingress, egress, podSelector } = spec
  const types = policyTypes ?? (egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
  return manifestOf({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec: {
      podSelector,
      policyTypes: types,
      ...(types.includes('Ingress') ? { ingress } : {}),
      ...(types.includes('Egress') ? { egress } : {}),
    },
  })
}

/** Policies add up, so what one of these allows needs no change of the policy that is there, and its end is its deletion. */
export function additionTo(
  { namespace, name, spec: { podSelector } }: Policy,
  suffix: string,
  spec: object,
): { name: string; manifest: string } {
  // 253 characters are allowed.
  const full = `${name.slice(0, 253 - suffix.length - 1)}-${suffix}`
  const object = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: full, namespace, labels: { 'app.kubernetes.io/managed-by': 'cni-migrate' } },
    spec: { podSelector, ...spec },
  }
  return { name: full, manifest: manifestOf(object) }
}
