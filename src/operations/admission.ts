import type { Facts } from '../facts/facts.ts'

const key = 'cni-migrate.io/cilium'
const value = 'admitted'

/**
 * Carried by nodes that Cilium's agents may run on, as long as its DaemonSet is kept to such nodes: the canary first, the
 * lifeboat last. Both a label of nodes and the chart's `nodeSelector`.
 */
export const admission: Readonly<Record<string, string>> = { [key]: value }

/** What takes the label away, as a merge patch. */
export const noAdmission: Readonly<Record<string, null>> = { [key]: null }

export const isAdmitted = (facts: Facts, node: string): boolean =>
  facts.kube.nodes.find(({ name }) => name === node)?.labels[key] === value

/** Whether a `nodeSelector` keeps agents to the nodes that were admitted. */
export const isKeptToAdmitted = (nodeSelector: unknown): boolean =>
  typeof nodeSelector === 'object' && nodeSelector !== null && Reflect.get(nodeSelector, key) === value
