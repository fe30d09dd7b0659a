import { matchesExpression, matchesSelector } from '../api/selectors.ts'
import type { ApiObject } from '../context.ts'

interface Taint {
  key: string
  value?: string
  effect: string
  timeAdded?: string
}

interface Toleration {
  key?: string
  operator?: string
  value?: string
  effect?: string
  tolerationSeconds?: number
}

export const taintsOf = (node: ApiObject): Taint[] => node.spec?.taints ?? []

export function toleration(taint: Taint, tolerations: readonly Toleration[] = []): Toleration | undefined {
  return tolerations.find(
    (one) =>
      (one.effect === undefined || one.effect === '' || one.effect === taint.effect) &&
      (one.key === undefined || one.key === '' || one.key === taint.key) &&
      (one.operator === 'Exists' || (one.value ?? '') === (taint.value ?? '')),
  )
}

interface Term {
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
  matchFields?: { key: string; operator: string; values?: string[] }[]
}

/** Whether a node is one that a pod asks for: its selector and its required affinity. */
export function wants(podSpec: ApiObject['spec'], node: ApiObject): boolean {
  const labels = node.metadata.labels ?? {}
  const selected = Object.entries(podSpec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)
  const required = podSpec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const terms: Term[] | undefined = required?.nodeSelectorTerms
  const fields = { 'metadata.name': node.metadata.name }
  const fits = (term: Term) =>
    (term.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels)) &&
    (term.matchFields ?? []).every((expression) => matchesExpression(expression, fields))
  return selected && (terms === undefined || terms.some(fits))
}

/** Why a pod cannot go to a node, or undefined if it can. */
export function obstacle(pod: ApiObject, node: ApiObject, pods: readonly ApiObject[]): string | undefined {
  const { tolerations } = pod.spec
  if (!wants(pod.spec, node)) return "node(s) didn't match Pod's node affinity/selector"
  const unschedulable = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
  if (node.spec?.unschedulable === true && !toleration(unschedulable, tolerations)) return 'node(s) were unschedulable'
  const taint = taintsOf(node).find((one) => one.effect !== 'PreferNoSchedule' && !toleration(one, tolerations))
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`
  const here = pods.filter(
    (other) => other.spec.nodeName === node.metadata.name && other.metadata.namespace === pod.metadata.namespace,
  )
  const beside = (term: PodTerm) =>
    term.topologyKey === 'kubernetes.io/hostname' &&
    here.some((other) => matchesSelector(term.labelSelector, other.metadata.labels))
  if (!podTerms(pod, 'podAffinity').every(beside)) return "node(s) didn't match pod affinity rules"
  if (podTerms(pod, 'podAntiAffinity').some(beside)) return "node(s) didn't match pod anti-affinity rules"
  const hostPorts = new Set(hostPortsOf(pod))
  if (here.flatMap(hostPortsOf).some((port) => hostPorts.has(port)))
    return "node(s) didn't have free ports for the requested pod ports"
  return undefined
}

interface PodTerm {
  topologyKey: string
  labelSelector?: object
}

const podTerms = (pod: ApiObject, kind: 'podAffinity' | 'podAntiAffinity'): PodTerm[] =>
  pod.spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? []

const hostPortsOf = (pod: ApiObject): string[] =>
  (pod.spec.containers ?? []).flatMap((container: { ports?: { hostPort?: number; protocol?: string }[] }) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort !== undefined)
      .map((port) => `${port.protocol}/${port.hostPort}`),
  )
