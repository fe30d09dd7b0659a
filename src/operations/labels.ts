import type { Facts } from '../facts/facts.ts'

export type Labels = Readonly<Record<string, string>>

export const labelsOf = ({ kube }: Pick<Facts, 'kube'>, node: string): Labels =>
  kube.nodes.find(({ name }) => name === node)?.labels ?? {}

/** Whether `labels`, or a `nodeSelector` of a chart's values, hold all that is wanted. */
export const holds = (labels: unknown, wanted: Labels): boolean =>
  typeof labels === 'object' &&
  labels !== null &&
  Object.entries(wanted).every(([key, value]) => Reflect.get(labels, key) === value)

/** What takes labels away, as a merge patch. */
export const labelsTaken = (labels: Labels): Readonly<Record<string, null>> =>
  Object.fromEntries(Object.keys(labels).map((key) => [key, null]))

/**
 * Carried by nodes that Cilium's agents may run on, as long as its DaemonSet is kept to such nodes: the canary first, the
 * lifeboat last. Both a label of nodes and the chart's `nodeSelector`.
 */
export const admission: Labels = { 'cni-migrate.io/cilium': 'admitted' }

/** Carried by nodes whose new pods are Cilium's while flannel still runs. The label is that of Cilium's own guide (cilium.md §1.3). */
export const onCilium: Labels = { 'io.cilium.migration/cilium-default': 'true' }

/** The facts with labels set on a node. */
export function withLabels(facts: Facts, target: string, labels: Labels): Facts {
  const nodes = facts.kube.nodes.map((one) =>
    one.name === target ? { ...one, labels: { ...one.labels, ...labels } } : one,
  )
  return { ...facts, kube: { ...facts.kube, nodes } }
}
