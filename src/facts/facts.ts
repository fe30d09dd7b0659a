import { z } from 'zod'
import { cniSchema } from './cni.ts'
import { containersSchema } from './containers.ts'
import { etcdSchema } from './etcd.ts'
import { firewallSchema } from './firewall.ts'
import { guardsSchema } from './guards.ts'
import { hostSchema } from './host.ts'
import { imagesSchema } from './images.ts'
import { k3sSchema } from './k3s.ts'
import { kernelSchema } from './kernel.ts'
import { kubeSchema } from './kube.ts'
import { netfilterSchema } from './netfilter.ts'
import { networkSchema } from './network.ts'
import { obstaclesSchema } from './obstacles.ts'
import { operatorSchema } from './operator.ts'
import { pathsSchema } from './paths.ts'
import { reachabilitySchema } from './reachability.ts'
import { sandboxesSchema } from './sandboxes.ts'
import { stuckSchema } from './stuck.ts'
import { unitSchema } from './unit.ts'
import { upkeepSchema } from './upkeep.ts'

/** One node's facts, by family. */
export const nodeFactsSchema = z.object({
  name: z.string(),
  address: z.string(),
  host: hostSchema,
  unit: unitSchema,
  k3s: k3sSchema,
  etcd: etcdSchema,
  netfilter: netfilterSchema,
  network: networkSchema,
  cni: cniSchema,
  sandboxes: sandboxesSchema,
  images: imagesSchema,
  /** Read for pre-flight; absent in facts of an older version, as the two below. */
  kernel: kernelSchema.exactOptional(),
  firewall: firewallSchema.exactOptional(),
  upkeep: upkeepSchema.exactOptional(),
  /** Absent in facts of an older version. */
  containers: containersSchema.exactOptional(),
  guards: guardsSchema.exactOptional(),
})
export type NodeFacts = z.infer<typeof nodeFactsSchema>

/** Families read on each node, and those read of the cluster as a whole. */
export const nodeFamilies = [
  ...(['host', 'unit', 'k3s', 'etcd', 'netfilter', 'network', 'cni', 'sandboxes', 'images'] as const),
  ...(['kernel', 'firewall', 'upkeep', 'containers', 'guards'] as const),
] as const
export const clusterFamilies = ['kube', 'reachability', 'operator', 'obstacles', 'paths', 'stuck'] as const
export type NodeFamily = (typeof nodeFamilies)[number]
export type ClusterFamily = (typeof clusterFamilies)[number]
export type Family = NodeFamily | ClusterFamily

/** Everything known of a cluster at one time. Plain JSON: `migrate plan --facts FILE` plans from it offline. */
export const factsSchema = z.object({
  format: z.literal(1),
  cluster: z.string(),
  readAt: z.string(),
  nodes: z.record(z.string(), nodeFactsSchema),
  /** Nodes that did not answer where that was borne, and why: nothing is known of them. */
  silent: z.record(z.string(), z.string()).exactOptional(),
  kube: kubeSchema,
  /** null until probed. */
  reachability: reachabilitySchema.nullable(),
  /** Absent where nothing on the operator's machine is used. */
  operator: operatorSchema.exactOptional(),
  /** Absent until asked for: only pre-flight looks at them. */
  obstacles: obstaclesSchema.exactOptional(),
  paths: pathsSchema.exactOptional(),
  /** Absent until asked for, and in facts of an older version. */
  stuck: stuckSchema.exactOptional(),
})
export type Facts = z.infer<typeof factsSchema>
