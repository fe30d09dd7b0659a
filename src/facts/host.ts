import { z } from 'zod'

/** The machine itself: what pre-flight judges (disks, clock, names, tools, firewalls). */
export const hostSchema = z.object({
  hostname: z.string(),
  kernel: z.string(),
  os: z.object({ id: z.string(), version: z.string() }),
  /** Changes at every boot: tells a power-off from a hang. */
  bootId: z.string(),
  /** The node's clock when it was read, and how far it was from the operator's (node minus operator, half a round trip taken off). */
  epochMs: z.number(),
  clockOffsetMs: z.number(),
  disks: z.array(z.object({ path: z.string(), freeBytes: z.number(), totalBytes: z.number() })),
  /** The interface of the default route, or the one that holds the inventory's address. Never flannel.1. */
  uplink: z.object({ name: z.string(), mtu: z.number(), address: z.string() }).nullable(),
  /** Whether these programs are on PATH: nsenter, bash, ip, ipset, iptables, curl, systemd-run, timeout, tar, ... */
  commands: z.record(z.string(), z.boolean()),
  /** Units that manage a firewall or network: ufw, firewalld, docker, systemd-networkd: active state. */
  services: z.record(z.string(), z.string()),
  /** Each node name of the inventory, as this host resolves it; null: does not resolve. */
  resolves: z.record(z.string(), z.string().nullable()),
})
export type HostFacts = z.infer<typeof hostSchema>
