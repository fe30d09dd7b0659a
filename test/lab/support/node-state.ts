import { z } from 'zod'
import type { Lab } from '../../../src/lab/lab.ts'
import { onNode } from './lab-access.ts'

/** One node, looked at past sshd and without any of the product's own code. */
export interface NodeState {
  files: string[]
  rules: string[]
  ipsets: string[]
  links: string[]
  routes: string[]
  kernel: string[]
  units: string[]
}

/** Addresses and ranges by what they stand for: pods and ranges get other ones each time. */
export type Names = ReadonlyMap<string, string>

const script = `
set -u
echo '== files'
{
  find /etc /opt /root /usr/local/bin /run/flannel /run/cilium /var/lib/cni /var/lib/cilium /var/lib/cni-migrate /run/cni-migrate* \\
    /var/lib/rancher/k3s/agent/etc /var/lib/rancher/k3s/server/manifests /var/lib/rancher/k3s/server/token \\
    -xdev -printf '%y %m %U:%G %p %l\\n' 2>/dev/null
  find /etc /opt /usr/local/bin /run/flannel /var/lib/rancher/k3s/agent/etc/cni /var/lib/rancher/k3s/agent/etc/flannel \\
    -xdev -type f -exec sha256sum {} + 2>/dev/null
} | sort
echo '== rules'
for family in iptables ip6tables; do
  for backend in nft legacy; do
    $family-$backend-save 2>/dev/null | awk -v program="$family-$backend" '
      /^\\*/ { table = $1 }
      # Built-in chains are there as soon as somebody looked at their table.
      /^:/ && $2 != "ACCEPT" { print program, table, $1, $2 }
      /^-A/ { print program, table, $0 }'
  done
done
echo '== ipsets'
ipset save
echo '== links'
ip -d -j link show
echo '== routes'
ip rule show
ip -6 rule show
ip route show table all | grep -v '^\\(local\\|broadcast\\) '
for link in flannel.1 cni0 cilium_vxlan; do
  [ -e /sys/class/net/$link ] || continue
  ip neigh show dev $link nud permanent | sed "s/^/neigh $link /"
  bridge fdb show dev $link | grep ' dst ' | sed "s/^/fdb $link /"
done
echo '== kernel'
for name in all default cni0 flannel.1; do
  [ -e /proc/sys/net/ipv4/conf/$name ] && sysctl net.ipv4.conf.$name.rp_filter net.ipv4.conf.$name.forwarding
done
find /sys/fs/bpf -mindepth 1 2>/dev/null
for link in $(ls /sys/class/net); do
  for direction in ingress egress; do tc filter show dev $link $direction 2>/dev/null | sed "s/^/tc $link $direction /"; done
done
echo '== units'
systemctl list-units --all --plain --no-legend 'cni-migrate*' | awk '{ print $1, $3 }'
for unit in k3s k3s-agent; do
  systemctl show -p Id,LoadState,ActiveState,UnitFileState,DropInPaths,NeedDaemonReload,FragmentPath $unit | paste -sd ' '
done
pgrep -fa 'connect-probe|cni-migrate' | sed 's/^[0-9]* //'
:
`

const linksSchema = z.array(
  z.looseObject({
    ifname: z.string(),
    mtu: z.number(),
    flags: z.array(z.string()),
    master: z.string().optional(),
    linkinfo: z
      .looseObject({
        info_kind: z.string().optional(),
        info_data: z.looseObject({ id: z.number().optional(), port: z.number().optional() }).optional(),
      })
      .optional(),
  }),
)

/** What K3s, kube-router and the plugins name anew at every sync, start or sandbox. */
function alike(line: string, names: Names): string {
  return line
    .replace(/\b(KUBE-(?:POD-FW|NWPLCY|SEP))-[A-Z2-7]{16}\b/g, '$1-X')
    .replace(/\bCNI-(DN|SN)-[0-9a-f]{20,21}\b/g, 'CNI-$1-X')
    .replace(/\b[0-9a-f]{64}\b(?! [ /])/g, 'ID')
    .replace(/\b(veth|lxc)[0-9a-f]{8,12}\b/g, '$1X')
    .replace(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC')
    .replace(/\b\d+\.\d+\.\d+\.\d+(?:\/(?!32)\d+)?/g, (address) => names.get(address) ?? address)
    .replace(/^(tc .*) id \d+ /, '$1 ')
}

/** Leases and caches are named by address and sandbox: how many there are is what counts. */
function fileLine(line: string, names: Names): string[] {
  // The numbers 0 and 1 of the last address given out differ with every pod that comes.
  if (/\/var\/lib\/cni\/networks\/[^/]+\/(last_reserved_ip\.\d|lock)\b/.test(line)) return []
  if (/\/(run\/cilium|var\/lib\/cilium)\/./.test(line)) return []
  return [alike(line, names)]
}

/** An ipset in a line: counters and order of the members do not count. */
function setLines(lines: readonly string[], names: Names): string[] {
  return lines.map((line) => alike(line.replace(/ packets \d+ bytes \d+| initval 0x[0-9a-f]+/g, ''), names))
}

const linkLines = (json: string): string[] =>
  linksSchema.parse(JSON.parse(json === '' ? '[]' : json)).map(({ ifname, mtu, flags, master, linkinfo }) => {
    const { id, port } = linkinfo?.info_data ?? {}
    const up = flags.includes('UP') ? 'UP' : 'DOWN'
    return `${ifname} ${linkinfo?.info_kind ?? ''} mtu ${mtu} ${up} master ${master ?? '-'} ${id ?? ''} ${port ?? ''}`
  })

/** Reads a node; lines are sorted, those that are equal stand as often as they were there. */
export async function nodeState(lab: Lab, node: string, names: Names): Promise<NodeState> {
  const sections = new Map<string, string[]>()
  let current: string[] = []
  for (const line of (await onNode(lab, node, script)).split('\n')) {
    const [, name] = /^== (\w+)$/.exec(line) ?? []
    if (name === undefined) {
      if (line !== '') current.push(line)
      continue
    }
    current = []
    sections.set(name, current)
  }
  const lines = (name: string) => sections.get(name) ?? []
  const sorted = (name: string) =>
    lines(name)
      .map((line) => alike(line, names))
      .sort()
  return {
    files: lines('files')
      .flatMap((line) => fileLine(line, names))
      .sort(),
    rules: sorted('rules'),
    ipsets: setLines(lines('ipsets'), names).sort(),
    links: linkLines(lines('links').join('\n'))
      .map((line) => alike(line, names))
      .sort(),
    routes: sorted('routes'),
    kernel: sorted('kernel'),
    units: lines('units'),
  }
}
