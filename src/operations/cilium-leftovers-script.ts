import { ciliumLinks } from './cilium-links.ts'

/** Files that Cilium puts on a node, and leaves there. */
export const ciliumFiles = [
  '/etc/sysctl.d/99-zzz-override_cilium.conf',
  '/opt/cni/bin/cilium-cni',
  '/opt/cni/bin/loopback',
  // Where its plugin is put while flannel runs, by the release of K3s (k3s-kube-router.md §3.5). Loopback is K3s' own there.
  '/var/lib/rancher/k3s/data/cni/cilium-cni',
  '/var/lib/rancher/k3s/data/current/bin/cilium-cni',
  ...['/etc/cni/net.d', '/var/lib/rancher/k3s/agent/etc/cni/net.d'].flatMap((folder) => [
    `${folder}/05-cilium.conf`,
    `${folder}/05-cilium.conflist`,
  ]),
] as const

/**
 * Removes from a node what Cilium leaves in the kernel and on disk after it was uninstalled (cilium.md §8.1): its links with
 * their routes, tc filters, cgroup programs, maps, state folders, policy rules, sysctl file, CNI files and renamed configurations.
 * iptables chains are not touched here: they are removed exactly, by one transaction.
 *
 * Arguments: paths that were there before Cilium came, and stay. POSIX sh; every part may be absent; run twice it does nothing.
 */
export const ciliumLeftoversScript = `${ciliumLinks}
set -u
keep() { for kept in $KEEP; do [ "$kept" = "$1" ] && return 0; done; return 1; }
KEEP="$*"
# The agent may still be in its last second: its links come back if they go first.
for link in $(list_links); do
  case $link in cilium_host|cilium_net|cilium_vxlan|cilium_geneve|cilium_wg0|lxc????????????|lxc_health) ip link delete "$link" 2>/dev/null ;; esac
done
list_filters | while read -r link direction protocol priority handle; do
  tc filter delete dev "$link" "$direction" protocol "$protocol" pref "$priority" handle "$handle" bpf
done
# By mark, table and priority: others may use neighbouring numbers, or the same priority.
ip rule show | sed -n 's/^\\([0-9]*\\):.* \\(fwmark 0x[0-9a-f]*\\/0xf00 lookup \\(200\\|2004\\|2005\\)\\)\\( .*\\)\\{0,1\\}$/\\1 \\2/p
s/^\\(112\\):.* \\(to [0-9./]* lookup 202\\)\\( .*\\)\\{0,1\\}$/\\1 \\2/p' |
while read -r priority selector; do ip rule delete priority "$priority" $selector; done
# The agent moves "from all lookup local" from 0 to 100 when its L7 proxy is on.
if ip rule show | grep -q '^100:.*from all lookup local'; then
  ip rule show | grep -q '^0:' || ip rule add from all lookup local priority 0
  ip rule delete from all lookup local priority 100
fi
# Routes of tables 200 and 202 go with Cilium's links; an operator may have others there.
for table in 2004 2005; do ip route flush table "$table" 2>/dev/null; done
if command -v bpftool >/dev/null; then
  for program in /sys/fs/bpf/cilium/socketlb/links/cgroup/*; do [ -e "$program" ] && rm -f "$program"; done
fi
rm -rf /sys/fs/bpf/cilium /sys/fs/bpf/tc/globals/cilium_*
rmdir /sys/fs/bpf/tc/globals /sys/fs/bpf/tc 2>/dev/null
umount /run/cilium/cgroupv2 2>/dev/null
rm -rf /run/cilium /var/lib/cilium
for file in ${ciliumFiles.join(' ')}; do
  keep "$file" || rm -f "$file"
done
for renamed in /etc/cni/net.d/*.cilium_bak /var/lib/rancher/k3s/agent/etc/cni/net.d/*.cilium_bak; do
  [ -e "$renamed" ] || continue
  keep "$renamed" && continue
  original=\${renamed%.cilium_bak}
  if [ -e "$original" ]; then rm -f "$renamed"; else mv "$renamed" "$original"; fi
done
# Only directories that were not there before, and only when nothing else is in them.
for directory in /opt/cni/bin /opt/cni /etc/cni/net.d /etc/cni; do
  keep "$directory" || rmdir "$directory" 2>/dev/null
done
left=$(ip -o link show | grep -Ec ' (cilium_[a-z]+|lxc[0-9a-f]{12})[@:]')
[ "$left" = 0 ] || { echo "$left links of Cilium are still there" >&2; exit 1; }
`
