import { z } from 'zod'
import type { Family } from './family.ts'
import { addressesSchema, parseJson } from './ip-json.ts'

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

/** One line each, without the blanks that `ip` leaves at the ends. */
const trimmed = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim().replace(/\t/g, ' '))
    .filter((line) => line !== '')

/** Local ports of `ss -lunH`: the fourth column, whatever the address before the last colon. */
const udpPorts = (text: string) => {
  const ports = trimmed(text).map((line) => Number(/:(\d+)$/.exec(line.split(/\s+/)[3] ?? '')?.[1]))
  return [...new Set(ports.filter((port) => Number.isInteger(port)))].sort((a, b) => a - b)
}

/** Links, routes, rules and UDP ports of the host. A kernel without IPv6 has no routes and rules of it. */
export const networkFamily: Family<NetworkFacts> = {
  script: `
emit network.links ip -d -j addr show
emit network.routes ip -4 route show table all
emit network.routes6 ip -6 route show table all
emit network.rules ip -4 rule show
emit network.rules6 ip -6 rule show
! has ss || emit network.udp ss -lunH
`,
  parse(sections) {
    const both = (name: string) => [...trimmed(sections.text(name)), ...trimmed(sections.optional(`${name}6`) ?? '')]
    const links = addressesSchema.parse(parseJson('network.links', sections.text('network.links')))
    return {
      links: links.map((link) => ({
        name: link.ifname,
        kind: link.linkinfo?.info_kind ?? '',
        up: link.flags.includes('UP'),
        mtu: link.mtu,
        master: link.master ?? null,
        vxlanPort: link.linkinfo?.info_kind === 'vxlan' ? (link.linkinfo.info_data?.port ?? null) : null,
        addresses: link.addr_info.flatMap((one) =>
          one.local === undefined ? [] : [`${one.local}/${one.prefixlen ?? ''}`],
        ),
      })),
      routes: both('network.routes'),
      rules: both('network.rules'),
      udpPorts: udpPorts(sections.optional('network.udp') ?? ''),
    }
  },
}
