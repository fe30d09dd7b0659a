import { z } from 'zod'
import { FailedError } from '../errors.ts'
import { clockOffsetMs } from './clock-offset.ts'
import type { About, Family } from './family.ts'
import { addressesSchema, parseJson } from './ip-json.ts'
import type { Sections } from './sections.ts'

/** The machine itself: what pre-flight judges (disks, clock, names, tools, firewalls). */
export const hostSchema = z.object({
  hostname: z.string(),
  kernel: z.string(),
  os: z.object({ id: z.string(), version: z.string() }),
  /** Changes at every boot: tells a power-off from a hang. */
  bootId: z.string(),
  /** The node's clock when it was read, and how far it was from the operator's at least (node minus operator). */
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

/** Programs that the migration uses on a node, or that change what it does there. */
const commands =
  'awk base64 bash bpftool conntrack curl ip ip6tables ipset iptables iptables-legacy-save iptables-nft-save journalctl ' +
  'nft nsenter openssl sh sha256sum ss systemctl systemd-run tar tc timeout'
const services = 'ufw firewalld nftables docker systemd-networkd NetworkManager'

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

function epochMs(sections: Sections, name: string): number {
  // Seconds and nanoseconds; some `date` leave out what they do not know.
  const [, seconds, nanoseconds] = /^(\d{10})(\d{9})?/.exec(sections.text(name)) ?? []
  if (seconds === undefined) throw new FailedError(`${name}: expected nanoseconds since 1970`)
  return Number(seconds) * 1000 + Math.round(Number(nanoseconds ?? 0) / 1e6)
}

function osRelease(text: string): HostFacts['os'] {
  const value = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]*)`, 'm').exec(text)?.[1] ?? ''
  return { id: value('ID'), version: value('VERSION_ID') }
}

/** `df -Pk`: file system, KiB, used, free, share, mount point. Two paths on one file system are one disk. */
function disks(text: string): HostFacts['disks'] {
  const found = lines(text).flatMap((line) => {
    const [, total, , free, path] = /^\S+ +(\d+) +(\d+) +(\d+) +\S+ +(\/.*)$/.exec(line) ?? []
    return path === undefined ? [] : [{ path, freeBytes: Number(free) * 1024, totalBytes: Number(total) * 1024 }]
  })
  return found.filter((disk, index) => found.findIndex((one) => one.path === disk.path) === index)
}

/** The link that holds the inventory's address, else that of the default route. flannel's and Cilium's never count. */
function uplink(sections: Sections, about: About): HostFacts['uplink'] {
  const links = addressesSchema
    .parse(parseJson('host.addresses', sections.text('host.addresses')))
    .filter((link) => link.ifname !== 'lo' && !/^(flannel|cni|cilium|lxc|veth|docker|br-)/.test(link.ifname))
  const route = /^default .*?\bdev (\S+)/m.exec(sections.optional('host.default') ?? '')?.[1]
  const link =
    links.find((one) => one.addr_info.some((address) => address.local === about.address)) ??
    links.find((one) => one.ifname === route)
  const address =
    link?.addr_info.find((one) => one.local === about.address) ??
    link?.addr_info.find((one) => one.family === 'inet' && one.scope === 'global') ??
    link?.addr_info.find((one) => one.scope === 'global')
  return link && address?.local ? { name: link.ifname, mtu: link.mtu, address: address.local } : null
}

/** The machine itself. */
export const hostFamily: Family<HostFacts> = {
  script: `
programs() { for program in ${commands}; do if has "$program"; then echo "$program yes"; else echo "$program no"; fi; done; }
states() { for service in ${services}; do echo "$service $(systemctl is-active "$service.service" 2>/dev/null)"; done; }
disks() { for path in / "$k3s_data" /var/lib/kubelet; do [ ! -d "$path" ] || df -Pk "$path" | tail -n +2; done; }
resolve_one() { echo "$1 $(timeout 5 getent ahosts "$1" | sed -n '1s/ .*//p')"; }
# All at once: each may have to wait for a name server that does not answer.
resolve() { { for name in "$@"; do resolve_one "$name" & done; wait; } | sort; }
emit host.hostname uname -n
emit host.kernel uname -r
emit host.os cat /etc/os-release
emit host.boot cat /proc/sys/kernel/random/boot_id
emit host.disks disks
emit host.addresses ip -j addr show
emit host.default ip route show default
emit host.commands programs
emit host.services states
emit host.resolves resolve "$@"
`,
  parse(sections, about) {
    const [begin, end] = [epochMs(sections, 'begin'), epochMs(sections, 'end')]
    const pairs = (name: string) =>
      lines(sections.text(name)).map((line) => {
        const [key = '', value = ''] = line.split(' ')
        return [key, value] as const
      })
    return {
      hostname: sections.text('host.hostname').trim(),
      kernel: sections.text('host.kernel').trim(),
      os: osRelease(sections.optional('host.os') ?? ''),
      bootId: sections.text('host.boot').trim(),
      epochMs: end,
      clockOffsetMs: clockOffsetMs({ beginMs: begin, endMs: end }, about),
      disks: disks(sections.text('host.disks')),
      uplink: uplink(sections, about),
      commands: Object.fromEntries(pairs('host.commands').map(([key, value]) => [key, value === 'yes'])),
      services: Object.fromEntries(pairs('host.services').map(([key, value]) => [key, value || 'unknown'])),
      resolves: Object.fromEntries(pairs('host.resolves').map(([key, value]) => [key, value || null])),
    }
  },
}
