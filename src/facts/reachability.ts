import { z } from 'zod'

/** How one connection attempt ended. A REJECT may look like a time-out (measured.md 12). */
export const attemptClasses = [
  'ok',
  'refused',
  'unreachable',
  'timeout',
  'reset',
  'dns-failed',
  'no-netns',
  'other',
] as const

/** Who could reach whom: read by opening one new connection per chosen pair from inside the pods' network namespaces. */
export const reachabilitySchema = z.array(
  z.object({
    /** `namespace/pod` or `node:NAME` for a host-network source. */
    from: z.string(),
    /** `namespace/pod`, `service:namespace/name`, `dns:name`. Named by what it is, because addresses move. */
    to: z.string(),
    address: z.string(),
    port: z.number(),
    outcome: z.enum(attemptClasses),
    durationMs: z.number(),
  }),
)
export type ReachabilityFacts = z.infer<typeof reachabilitySchema>
