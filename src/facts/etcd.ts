import { z } from 'zod'

/** The node's etcd member, from http://127.0.0.1:2381/metrics and files. null on agents. */
export const etcdSchema = z
  .object({
    /** server/db/etcd/member/wal exists: embedded etcd, whatever else is configured. */
    initialized: z.boolean(),
    memberName: z.string().nullable(),
    /** All null when the metrics port does not answer (K3s stopped). */
    hasLeader: z.boolean().nullable(),
    isLearner: z.boolean().nullable(),
    /** Peers this member has a live connection to. */
    activePeers: z.number().nullable(),
    walFsyncP99Ms: z.number().nullable(),
    snapshots: z.array(z.object({ name: z.string(), path: z.string(), sizeBytes: z.number(), modifiedMs: z.number() })),
  })
  .nullable()
export type EtcdFacts = z.infer<typeof etcdSchema>
