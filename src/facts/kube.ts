import { z } from 'zod'
import { policySpecSchema } from './policies.ts'

/** Put on what is suspended for the time of the run, so that exactly that is resumed, whoever comes to do it. */
export const suspendedAnnotation = 'cni-migrate.io/suspended'
/** Its value where a controlled test suspended, which no run may be under way beside: only the test's end resumes those. */
export const suspendedByTest = 'controlled-test'

const labels = z.record(z.string(), z.string())

/** What the Kubernetes API says, trimmed to what is used. `reachable: false` leaves the lists empty: look at it first. */
export const kubeSchema = z.object({
  reachable: z.boolean(),
  /** Why not, in the API's or the network's words. */
  error: z.string().nullable(),
  version: z.string().nullable(),
  nodes: z.array(
    z.object({
      name: z.string(),
      internalIp: z.string(),
      podCidr: z.string().nullable(),
      ready: z.boolean(),
      readyMessage: z.string(),
      /** renewTime of the node's Lease: `Ready` alone is stale after a restart (measured.md 4). */
      heartbeatMs: z.number().nullable(),
      unschedulable: z.boolean(),
      taints: z.array(z.string()),
      labels,
      annotations: labels,
      /** EtcdIsVoter condition; null: none. */
      etcdVoter: z.string().nullable(),
      kubeletVersion: z.string(),
    }),
  ),
  pods: z.array(
    z.object({
      namespace: z.string(),
      name: z.string(),
      uid: z.string(),
      node: z.string().nullable(),
      phase: z.string(),
      ip: z.string().nullable(),
      hostNetwork: z.boolean(),
      ready: z.boolean(),
      owner: z.string().nullable(),
      labels,
      /** TCP container ports. */
      ports: z.array(z.number()),
      /** TCP host ports. */
      hostPorts: z.array(z.number()),
      /** Every port that a container names, whatever its protocol; absent in facts of an older version. */
      containerPorts: z
        .array(
          z.object({
            name: z.string().nullable(),
            port: z.number(),
            protocol: z.string(),
            hostPort: z.number().nullable(),
          }),
        )
        .exactOptional(),
      waiting: z.string().nullable(),
      /** Of all its containers. */
      restarts: z.number(),
      startedMs: z.number().nullable(),
    }),
  ),
  namespaces: z.array(z.object({ name: z.string(), labels })),
  policies: z.array(z.object({ namespace: z.string(), name: z.string(), spec: policySpecSchema })),
  services: z.array(
    z.object({
      namespace: z.string(),
      name: z.string(),
      type: z.string(),
      clusterIp: z.string().nullable(),
      ports: z.array(
        z.object({
          protocol: z.string(),
          port: z.number(),
          nodePort: z.number().nullable(),
          /** Of the pods behind it: a number, or a container port's name; absent in facts of an older version. */
          targetPort: z.union([z.number(), z.string()]).exactOptional(),
        }),
      ),
      selector: labels,
    }),
  ),
  /** `ours`: carries the annotation that says this tool suspended it (suspendedAnnotation). */
  cronJobs: z.array(
    z.object({
      namespace: z.string(),
      name: z.string(),
      /** Five fields of cron, or @hourly and the like. */
      schedule: z.string(),
      suspended: z.boolean(),
      ours: z.boolean(),
      /** A controlled test suspended it (suspendedByTest). */
      byTest: z.literal(true).exactOptional(),
    }),
  ),
  /** Flux Kustomizations and HelmReleases; empty when Flux is not there. */
  flux: z.array(
    z.object({
      kind: z.string(),
      apiVersion: z.string(),
      namespace: z.string(),
      name: z.string(),
      suspended: z.boolean(),
      ours: z.boolean(),
    }),
  ),
  leases: z.array(
    z.object({
      namespace: z.string(),
      name: z.string(),
      holder: z.string().nullable(),
      renewMs: z.number().nullable(),
    }),
  ),
  cilium: z.object({
    /** The HelmChart object kube-system/cilium, when there is one; else the release that helm keeps. */
    chart: z
      .object({
        by: z.enum(['helm-chart-object', 'helm']),
        version: z.string().nullable(),
        /** YAML, as whoever installed it has it: compare what it says. */
        values: z.string(),
      })
      .nullable(),
    /** ConfigMap kube-system/cilium-config. */
    config: labels.nullable(),
    daemonSet: z
      .object({
        desired: z.number(),
        ready: z.number(),
        updated: z.number(),
        generation: z.number(),
        observed: z.number(),
        /** RollingUpdate or OnDelete; absent in facts of an older version. */
        strategy: z.string().exactOptional(),
      })
      .nullable(),
    agents: z.array(
      z.object({
        name: z.string(),
        node: z.string(),
        ready: z.boolean(),
        startedMs: z.number().nullable(),
        waiting: z.string().nullable(),
        restarts: z.number(),
        annotations: labels,
      }),
    ),
    operatorReady: z.number(),
    /** Names of its kinds (CustomResourceDefinitions) that the API serves, sorted. */
    kinds: z.array(z.string()),
    nodes: z.array(z.object({ name: z.string(), podCidrs: z.array(z.string()) })),
    endpoints: z.array(
      z.object({ namespace: z.string(), name: z.string(), ip: z.string().nullable(), state: z.string() }),
    ),
  }),
})
export type KubeFacts = z.infer<typeof kubeSchema>
