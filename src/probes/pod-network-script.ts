/** Asks the kernel itself for a route to each address, $1 times: no program stands between that could misread the answer. */
const netlink = `
import errno, ipaddress, socket, struct, sys
kinds = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
times = int(sys.argv[1])
for name in sys.argv[2:]:
    address = ipaddress.ip_address(name)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    for number in range(times):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
            kernel.settimeout(2)
            # RTM_GETROUTE (26), NLM_F_REQUEST (1); rtmsg; RTA_DST (1): rtnetlink(7)
            body = struct.pack("BBBBBBBBI", family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
            body += struct.pack("HH", 4 + len(address.packed), 1) + address.packed
            kernel.send(struct.pack("IHHII", 16 + len(body), 26, 1, number, 0) + body)
            answer = kernel.recv(65536)
        if struct.unpack_from("H", answer, 4)[0] == 2:
            code = -struct.unpack_from("i", answer, 16)[0]
            print("netlink", name, errno.errorcode.get(code, str(code)))
        else:
            print("netlink", name, kinds.get(answer[23], "other"))
`

/**
 * Looks into network namespaces, for the nodes' bash: ROUNDS PAUSE ASKS and for each namespace
 * \`NUMBER<tab>PATH<tab>ADDRESS ADDRESS...\`; pause in seconds. Each round says of each, every line with its number first:
 * \`ip ADDRESS WORDS\`      what \`ip route get\` said, as often as asked
 * \`netlink ADDRESS KIND\`  the kernel's own answer, or the error's name; in the first round only
 * \`rule TEXT\`             a line of \`ip rule\`
 * \`neigh TEXT\`            a line of \`ip neigh\`
 * \`group ADDRESS\`         a multicast group that is joined
 * \`sockets TCP LISTENING UDP TIMEWAIT\`
 * \`table NAME\`            a netfilter table in the namespace
 * \`gone\`                  there is no such namespace
 * \`no-netlink WHY\`        the kernel could not be asked
 * No namespace is held open between rounds: a pod that is gone must be able to go.
 */
export const podNetworkScript = `set -u
export LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
command -v nsenter >/dev/null && command -v ip >/dev/null || { echo 'nsenter or ip is missing' >&2; exit 3; }
rounds=$1 pause=$2 asks=$3
shift 3
export asks netlink='${netlink.replaceAll("'", `'\\''`)}'
inside() {
  local address number line
  for address in $1; do
    for ((number = 0; number < asks; number++)); do echo "route get $address"; done | ip -force -o -batch - 2>&1 |
      while IFS= read -r line; do case $line in 'Command failed'*) ;; *) echo "ip $address $line" ;; esac; done
  done
  if [ "$2" != 0 ]; then :
  elif command -v python3 >/dev/null; then
    timeout 10 python3 -c "$netlink" "$asks" $1 2>/dev/null || echo 'no-netlink python3 failed'
  else
    echo 'no-netlink no python3 on the node'
  fi
  { ip rule show; ip -6 rule show; } 2>/dev/null | sed 's/^/rule /'
  { ip -o neigh show; ip -6 -o neigh show; } | sed 's/^/neigh /'
  ip maddr show | awk '$1 ~ /^inet6?$/ { print "group", $2 }'
  cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null | awk '
    # The first line of each file names its columns; those of udp have "drops" at their end.
    /local_address/ { udp = /drops/; next }
    udp { u++; next }
    $4 == "0A" { l++; next }
    $4 == "06" { w++; next }
    { t++ }
    END { print "sockets", t + 0, l + 0, u + 0, w + 0 }'
  cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null | sed 's/^/table /'
  ! command -v nft >/dev/null || nft list tables 2>/dev/null | sed 's/^/table nft /'
}
export -f inside
exec 9<> <(:)
for ((round = 0; round < rounds; round++)); do
  [ "$round" = 0 ] || read -r -t "$pause" -u 9
  for line in "$@"; do
    IFS=$'\\t' read -r number path addresses <<<"$line"
    [ -n "$number" ] || continue
    { nsenter --net="$path" -- bash -c 'inside "$@"' inside "$addresses" "$round" 2>/dev/null || echo gone; } | sed "s/^/$number /"
  done
done
exit 0
`
