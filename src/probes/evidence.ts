import { z } from 'zod'
import { factsSchema } from '../facts/facts.ts'
import { attemptClasses } from '../facts/reachability.ts'

/** What a pair stands for in the matrix. */
export const pairSorts = ['same-node', 'cross-node', 'service', 'node', 'host-port', 'dns', 'api', 'external'] as const

const milliseconds = z.number()
const count = z.int().nonnegative()

/** A chosen pair and how every attempt for it ended. */
export const seriesSchema = z.object({
  /** Pair.id */
  id: z.string(),
  /** `namespace/pod`, or `node:NAME` for a process of the node itself (which a hostNetwork pod is to a policy). */
  from: z.string(),
  fromNode: z.string(),
  to: z.string(),
  /** null: not a pod of this cluster. */
  toNode: z.string().nullable(),
  address: z.string(),
  port: z.number(),
  kind: z.enum(['tcp', 'http', 'dns']),
  sort: z.enum(pairSorts),
  /** A NetworkPolicy selects that end, in that direction: egress of the source, ingress of the destination. */
  fromSelected: z.boolean(),
  toSelected: z.boolean(),
  /** What all NetworkPolicies together say; null: they cannot be asked (an address that is nobody's here). */
  allowed: z.boolean().nullable(),
  /** When it began by the operator's clock, how long it took, how it ended, and for http when the first byte came. */
  attempts: z.array(z.tuple([milliseconds, milliseconds, z.enum(attemptClasses), milliseconds.nullable()])),
  /** The source address as the far end saw it, where it says so; null: it does not. Absent: not asked. */
  sourceSeen: z.string().nullable().exactOptional(),
})
export type Series = z.infer<typeof seriesSchema>

/** What the sampler of kube-router's REJECT counters saw on one node. Times by the operator's clock. */
export const rejectSamplesSchema = z.object({
  node: z.string(),
  /** When samples were taken; more than a second apart when one would have cost more than 2 % of a core. */
  samplesMs: z.array(milliseconds),
  /** CPU time of the sampling over the time that passed, 0 to 1. */
  cpuShare: z.number().nonnegative(),
  /** Times at which kube-router was seen to have written its chains anew (their names change: facts 4.3). */
  reconcilesMs: z.array(milliseconds),
  /** Packets refused since the sample before, by pod: counter resets are already taken out. Only what is not zero. */
  rejects: z.array(
    z.object({ namespace: z.string(), pod: z.string(), increments: z.array(z.tuple([milliseconds, count])) }),
  ),
  /** A pod's chain as it was linked when no chain allowed anything: the gap itself, when a sample happened to hit it. */
  gaps: z.array(
    z.object({
      atMs: milliseconds,
      namespace: z.string(),
      pod: z.string(),
      what: z.enum(['policy-chain-missing', 'policy-chain-empty']),
    }),
  ),
  /** What could not be sampled and why; null: all was. */
  problem: z.string().nullable(),
})
export type RejectSamples = z.infer<typeof rejectSamplesSchema>

/** Something that makes kube-router write its rules anew, as the API's watch told it. */
export const churnSchema = z.object({
  atMs: milliseconds,
  kind: z.enum(['Pod', 'EndpointSlice', 'NetworkPolicy', 'Namespace']),
  verb: z.enum(['added', 'modified', 'deleted']),
  namespace: z.string(),
  name: z.string(),
  /** For a Job's pod the CronJob that made it (`CronJob/report`), else its owner; null: none. */
  owner: z.string().nullable(),
})
export type Churn = z.infer<typeof churnSchema>

/** What a node says of its own packet path: seed 004's signals. null: could not be asked, and `problems` says why. */
export const nodeSignalsSchema = z.object({
  kubeProxy: z
    .object({
      mode: z.string().nullable(),
      /** Over the time watched, from the histogram's buckets; null: no sync happened in it. */
      syncP99Ms: milliseconds.nullable(),
      syncs: count,
      lastSyncAgeMs: milliseconds.nullable(),
      /** Endpoint changes not yet written, sample by sample. */
      pendingChanges: z.array(z.tuple([milliseconds, count])),
    })
    .nullable(),
  /** Lines about a held xtables lock in the logs of the time watched. */
  xtablesLock: z.object({ messages: count, perMinute: z.number(), examples: z.array(z.string()) }).nullable(),
  /** Who writes rules here, with what: the host, K3s' bundled one, containers. */
  iptables: z.array(
    z.object({ where: z.string(), version: z.string(), backend: z.enum(['nft', 'legacy']).nullable() }),
  ),
  /** Rules in each table of each rule set, `ip-nft filter`. */
  ruleCounts: z.record(z.string(), count),
  /** Rules that lost their match, as they stand: a bare DROP in KUBE-FIREWALL. */
  malformedRules: z.array(z.string()),
  conntrack: z.object({ count, max: count }).nullable(),
  /** Restarts of the pods of a CNI on this node (cilium, calico, flannel as a DaemonSet; none for K3s' own). */
  cniRestarts: z.array(z.object({ pod: z.string(), restarts: count, startedMs: milliseconds.nullable() })),
  /** Pods without a sandbox for so long. */
  stuckSandboxes: z.array(z.object({ pod: z.string(), waitingMs: milliseconds, reason: z.string() })),
  problems: z.array(z.string()),
})
export type NodeSignals = z.infer<typeof nodeSignalsSchema>

/** What is true inside of a pod's network namespace: seed 001's table. */
export const podNetworkSchema = z.object({
  namespace: z.string(),
  pod: z.string(),
  node: z.string(),
  /** The same destination asked of `ip route get` and by the kernel's answer to netlink, so many times each. */
  routes: z.array(z.object({ destination: z.string(), asked: count, unicast: count, answers: z.array(z.string()) })),
  neighbours: z.array(z.object({ address: z.string(), state: z.string() })),
  multicastGroups: z.array(z.string()),
  sockets: z.object({ tcp: count, tcpListening: count, udp: count, timeWait: count }),
  /** Netfilter tables in the namespace itself: normally none. */
  netfilterTables: z.array(z.string()),
  /** Policy routing rules besides the kernel's three. */
  foreignRules: z.array(z.string()),
})
export type PodNetwork = z.infer<typeof podNetworkSchema>

/** Everything measured of a cluster in one stretch of time: what findings stand on. Plain JSON, kept as a baseline. */
export const evidenceSchema = z.object({
  format: z.literal(1),
  cluster: z.string(),
  /** uid of the namespace kube-system: a baseline is not compared with another cluster. */
  clusterId: z.string(),
  fromMs: milliseconds,
  untilMs: milliseconds,
  /** As they were at its beginning. */
  facts: factsSchema,
  series: z.array(seriesSchema),
  rejects: z.array(rejectSamplesSchema),
  churn: z.array(churnSchema),
  signals: z.record(z.string(), nodeSignalsSchema),
  podNetworks: z.array(podNetworkSchema),
  /** What could not be measured, in words: never silently left out. */
  notMeasured: z.array(z.string()),
})
export type Evidence = z.infer<typeof evidenceSchema>
