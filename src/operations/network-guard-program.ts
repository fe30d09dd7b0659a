import { xtables } from '../netfilter/tools.ts'
import type { GuardProgram } from '../nodes/guard.ts'
import { ciliumLinks } from './cilium-links.ts'

/**
 * What is Cilium's among what `ip`, `tc` and the BPF file system list; the same for saving and for restoring, so that only
 * what came in between is told apart. Routes are the host's own: pods' and tunnels' go and come with their links.
 */
const listing = `${ciliumLinks}list_up() { ip -o link show up | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/'; }
is_there() { ip link show dev "$1" >/dev/null 2>&1; }
list_addresses() {
  ip -o address show scope global | awk '$2 !~ /^(cilium_|lxc|veth|cni|flannel)/ {
    line = $2
    for (i = 4; i <= NF && $i != "scope"; i++) line = line " " $i
    print line
  }'
}
list_routes() {
  ip -o "$1" route show table all | sed 's/\\\\/ /g; s/ expires [0-9]*sec//; s/ \\(linkdown\\|dead\\)//g; s/[[:space:]]*$//' |
    grep -Ev '^(local|broadcast|anycast|multicast) | table local| dev (cilium_|lxc|veth|cni|flannel)| table (200|202|2004|2005)( |$)'
}
list_rules() { ip "$1" rule show | sed 's/[[:space:]]*$//'; }
list_xdp() { ip -o link show | sed -n 's/^[0-9]*: \\([^:@]*\\).* \\(prog\\/\\)\\{0,1\\}xdp.*/\\1/p'; }
list_pins() {
  for pin in /sys/fs/bpf/cilium/devices/*/links /sys/fs/bpf/cilium/socketlb/links/cgroup/*; do
    [ ! -e "$pin" ] || echo "$pin"
  done
}
`

/**
 * Cilium's agent finds a file where its state folder is to be: the kubelet's containers of it do not start, however often. No
 * API, no kubelet and no containerd is needed for that, and K3s runs on. /run is in memory: after a reboot it is done again,
 * before K3s starts, so that a node that somebody switches off and on because it was cut off is not cut off again.
 */
const hold = `if [ ! -f /run/cilium ]; then
  # With its state: agents that start again know their pods by it.
  [ ! -d /run/cilium ] || mv -T /run/cilium /run/cilium.held-by-cni-migrate
  echo "put here by the guard of cni-migrate: holds Cilium's agent down" > /run/cilium
fi
if [ -f /run/cilium ]; then echo "done: hold Cilium's agent down"; else echo "failed: hold Cilium's agent down"; fi
`

/** Arguments: `agent` or `-`: whether Cilium's agent is to be held down; then the tables to put back, as `ip-nft filter`. */
const save = `${listing}${xtables}
set -eu
if [ "$1" = agent ]; then
  : > holds-agent
  cat > at-boot <<'END'
${hold}END
fi
shift
for table do printf '%s\\n' "$table"; done > tables
list_links > links
list_up > up
list_addresses > addresses
for family in -4 -6; do
  list_routes "$family" > "routes$family" || :
  list_rules "$family" > "rules$family" || :
done
list_filters > filters
list_xdp > xdp
list_pins > pins
for name in ip-nft ip-legacy ip6-nft ip6-legacy; do
  program=$(xtables_program "$name" save 2>/dev/null) || continue
  "$program" > "saved-$name" || rm -f "saved-$name"
done
while read -r name table; do grep -qxF "*$table" "saved-$name"; done < tables
[ ! -s tables ] || ipset save > ipsets
`

/** Removes Cilium's chains and the jumps into them from a saved rule set: the input for iptables-restore --noflush. */
const chainsAway = `
function flush_table(   i) {
  if (chains > 0) {
    print table
    for (i = 1; i <= chains; i++) print ":" chain[i] " - [0:0]"
    for (i = 1; i <= jumps; i++) print jump[i]
    for (i = 1; i <= chains; i++) print "-X " chain[i]
    print "COMMIT"
  }
  chains = 0; jumps = 0
}
/^\\*/ { table = $1 }
/^:(OLD_)?CILIUM_/ { chain[++chains] = substr($1, 2) }
/^-A / && $2 !~ /^(OLD_)?CILIUM_/ && / -[jg] (OLD_)?CILIUM_/ { line = $0; sub(/^-A/, "-D", line); jump[++jumps] = line }
/^COMMIT/ { flush_table() }
`

const restore = `${listing}${xtables}
set -u
try() {
  what=$1
  shift
  if timeout 20 "$@" >/dev/null; then echo "done: $what"; else echo "failed: $what"; fi
}
if [ -e holds-agent ]; then
  sh ./at-boot
  for process in /proc/[0-9]*; do
    [ "$(cat "$process/comm" 2>/dev/null)" = cilium-agent ] && kill -s KILL "\${process#/proc/}" && echo "done: end Cilium's agent"
  done
fi

# The host's own links, addresses.
list_up > up.now
grep -vxFf up.now up | while read -r link; do
  is_there "$link" && try "set $link up" ip link set dev "$link" up
done
list_addresses > addresses.now
grep -vxFf addresses.now addresses | while read -r link words; do
  try "give $link its address" ip address add $words dev "$link"
done

# Cilium's links, filters, programs and rules that were not there. Where it carries pods already, its links stay. A pod's
# link always stays, with what is on it: no node is reached by it, and a pod that loses it has no network until it is
# recreated, whereas an agent that starts again knows it.
if [ -e holds-agent ]; then
  if ! grep -qx cilium_host links; then
    for link in $(list_links | grep -vxFf links); do
      if is_ciliums "$link" && ! is_pods "$link" && is_there "$link"; then try "delete $link" ip link delete dev "$link"; fi
    done
    for name in ip-nft ip-legacy ip6-nft ip6-legacy; do
      [ -e "saved-$name" ] || continue
      "$(xtables_program "$name" save)" | awk '${chainsAway}' > chains.now
      [ ! -s chains.now ] || try "remove Cilium's chains from $name" "$(xtables_program "$name" restore)" -w 10 --noflush chains.now
    done
  fi
  list_filters | grep -vxFf filters | while read -r link direction protocol priority handle; do
    is_pods "$link" && continue
    is_ciliums "$link" && grep -qx "$link" links && continue
    try "remove Cilium's filter from $link $direction" \\
      tc filter delete dev "$link" "$direction" protocol "$protocol" pref "$priority" handle "$handle" bpf
  done
  list_xdp | grep -vxFf xdp | while read -r link; do
    is_ciliums "$link" || try "take the XDP program off $link" ip link set dev "$link" xdp off
  done
  list_pins | grep -vxFf pins | while read -r pin; do
    device=\${pin#/sys/fs/bpf/cilium/devices/}
    device=\${device%/links}
    is_pods "$device" && continue
    is_ciliums "$device" && grep -qx "$device" links && continue
    try "let go of the program at $pin" rm -rf -- "$pin"
  done
  for family in -4 -6; do
    if ! list_rules "$family" | grep -q '^0:.*lookup local' && grep -q '^0:.*lookup local' "rules$family"; then
      try "put the rule for local addresses first again ($family)" ip "$family" rule add from all lookup local priority 0
    fi
    list_rules "$family" | grep -vxFf "rules$family" |
      sed -n 's/^\\([0-9]*\\):.* \\(fwmark 0x[0-9a-f]*\\/0xf00 lookup \\(200\\|2004\\|2005\\)\\)\\( .*\\)\\{0,1\\}$/\\1 \\2/p
s/^\\(100\\):.*\\(from all lookup local\\)\\( .*\\)\\{0,1\\}$/\\1 \\2/p' |
      while read -r priority selector; do
        try "remove the rule $priority ($family)" ip "$family" rule delete priority "$priority" $selector
      done
  done
fi

# Tables that the step took rules from: as they were, with the sets that their rules name.
section() { awk -v table="*$2" '$1 == table { inside = 1 } inside { if (/^:/) sub(/ \\[[0-9]+:[0-9]+\\]$/, ""); print } /^COMMIT/ { inside = 0 }' "$1"; }
while read -r name table; do
  "$(xtables_program "$name" save)" > now
  section now "$table" > section.now
  section "saved-$name" "$table" > section.saved
  [ "$(cat section.now)" != "$(cat section.saved)" ] || continue
  ipset list -n > sets.now
  awk 'NR == FNR { there[$1] = 1; next } !($2 in there)' sets.now ipsets > sets.missing
  [ ! -s sets.missing ] || try "make $(grep -c '^create ' sets.missing) ipsets anew" ipset restore -exist -file sets.missing
  try "put the table $table of $name back" "$(xtables_program "$name" restore)" -w 10 section.saved
done < tables

# Routes last: the links that they go by are up.
for family in -4 -6; do
  list_routes "$family" > routes.now
  grep -vxFf routes.now "routes$family" | while read -r route; do
    # A route that the kernel or a daemon has made again meanwhile is there.
    ip -o "$family" route show table all | grep -qF -- "$route" || try "put back the route $route" ip "$family" route replace $route
  done
done
`

/**
 * What a node does by itself when the operator's side has lost it in the middle of a step: its own links, addresses, routes
 * and rules as they were when the guard was armed; of Cilium, all that came since but for pods' links; nothing of anybody
 * else's.
 */
export const networkGuardProgram: GuardProgram = { save, restore }

/** Lets Cilium's agent start again. Run twice it does nothing. */
export const releaseAgentScript = `
[ -f /run/cilium ] || exit 0
rm -f /run/cilium
[ ! -d /run/cilium.held-by-cni-migrate ] || mv -T /run/cilium.held-by-cni-migrate /run/cilium
`
