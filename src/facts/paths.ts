import { z } from 'zod'

/**
 * How a try from one node to another ended. open: connected, answered or arrived. refused, unreachable, timeout: as TCP says.
 * lost: datagrams were sent and none arrived. not-tried: see `why`.
 */
export const pathOutcomes = ['open', 'refused', 'unreachable', 'timeout', 'lost', 'not-tried'] as const

/** Ports between nodes, actually tried: both those in use today and those that Cilium will use. */
export const pathsSchema = z.array(
  z.object({
    from: z.string(),
    to: z.string(),
    /** The far node's address as Kubernetes knows it. */
    address: z.string(),
    protocol: z.enum(['tcp', 'udp', 'icmp']),
    /** 0 for ICMP. */
    port: z.number(),
    /** What it is for: "Cilium's tunnel". */
    what: z.string(),
    outcome: z.enum(pathOutcomes),
    /** Whether something was known to listen at the far end: without it, refused means reached. */
    listening: z.boolean(),
    why: z.string().nullable(),
  }),
)
export type PathsFacts = z.infer<typeof pathsSchema>
