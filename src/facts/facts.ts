import { z } from 'zod'
import { cniSchema } from './cni.ts'
import { etcdSchema } from './etcd.ts'
import { hostSchema } from './host.ts'
import { imagesSchema } from './images.ts'
import { k3sSchema } from './k3s.ts'
import { kubeSchema } from './kube.ts'
import { netfilterSchema } from './netfilter.ts'
import { networkSchema } from './network.ts'
import { operatorSchema } from './operator.ts'
import { reachabilitySchema } from './reachability.ts'
import { sandboxesSchema } from './sandboxes.ts'

/** One node's facts, by family. */
export const nodeFactsSchema = z.object({
  name: z.string(),
  address: z.string(),
  host: hostSchema,
  k3s: k3sSchema,
  etcd: etcdSchema,
  netfilter: netfilterSchema,
  network: networkSchema,
  cni: cniSchema,
  sandboxes: sandboxesSchema,
  images: imagesSchema,
})
export type NodeFacts = z.infer<typeof nodeFactsSchema>

/** Families read on each node, and those read of the cluster as a whole. */
export const nodeFamilies = ['host', 'k3s', 'etcd', 'netfilter', 'network', 'cni', 'sandboxes', 'images'] as const
export const clusterFamilies = ['kube', 'reachability', 'operator'] as const
export type NodeFamily = (typeof nodeFamilies)[number]
export type ClusterFamily = (typeof clusterFamilies)[number]
export type Family = NodeFamily | ClusterFamily

/** Everything known of a cluster at one time. Plain JSON: `migrate plan --facts FILE` plans from it offline. */
export const factsSchema = z.object({
  format: z.literal(1),
  cluster: z.string(),
  readAt: z.string(),
  nodes: z.record(z.string(), nodeFactsSchema),
  kube: kubeSchema,
  /** null until probed. */
  reachability: reachabilitySchema.nullable(),
  /** Absent where nothing on the operator's machine is used. */
  operator: operatorSchema.exactOptional(),
})
export type Facts = z.infer<typeof factsSchema>
