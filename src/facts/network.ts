import { z } from 'zod'

export const linkSchema = z.object({
  name: z.string(),
  /** vxlan, bridge, veth, ... or empty for a plain device. */
  kind: z.string(),
  up: z.boolean(),
  mtu: z.number(),
  master: z.string().nullable(),
  vxlanPort: z.number().nullable(),
  addresses: z.array(z.string()),
})

/** Links, routes and rules of the host's own namespace. */
export const networkSchema = z.object({
  links: z.array(linkSchema),
  /** All tables, one line a route as `ip route show table all` prints it; IPv4 then IPv6. */
  routes: z.array(z.string()),
  rules: z.array(z.string()),
  /** UDP ports something listens on. */
  udpPorts: z.array(z.number()),
})
export type NetworkFacts = z.infer<typeof networkSchema>
