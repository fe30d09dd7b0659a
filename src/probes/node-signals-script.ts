import { prelude } from '../facts/prelude.ts'

/**
 * kube-proxy's own account, for the nodes' bash: `at MS`, the node's clock; `mode NAME`; and of its metrics the lines that are
 * used. K3s has kube-proxy inside and lets it answer on the loopback unless it was told otherwise. Ends with 7 where
 * nothing answers.
 */
export const kubeProxyScript = `set -u -o pipefail
export LC_ALL=C
echo "at $(date +%s%3N)"
page() {
  exec 3<>/dev/tcp/127.0.0.1/10249 || return 7
  printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' "$1" >&3
  timeout 5 cat <&3
  exec 3>&-
}
metrics=$(page /metrics) || exit 7
mode=$(page /proxyMode | tail -n 1 | tr -dc a-z | head -c 20)
echo "mode $mode"
grep -E '^kubeproxy_sync_proxy_rules_(duration_seconds_bucket|last_timestamp_seconds|endpoint_changes_pending)[{ ]' <<<"$metrics"
exit 0
`

/**
 * Containers that could write the node's rules: in its network, with CAP_NET_ADMIN, and with an iptables of their own, one line
 * each: the pod's uid, the version or \`-\`, and the program that its iptables is. Nothing of a container is ever run: the
 * version is looked for in the program's file.
 */
const writers = `
found=0
declare -a seen=()
for folder in /proc/[0-9]*; do
  [ "$folder/ns/net" -ef /proc/self/ns/net ] || continue
  { mapfile -t groups <"$folder/cgroup" && mapfile -t facts <"$folder/status"; } 2>/dev/null || continue
  [[ "\${groups[*]}" =~ kubepods.*pod([0-9a-f]{8}[-_][0-9a-f_-]{27}) ]] || continue
  uid=\${BASH_REMATCH[1]//_/-}
  [[ "\${facts[*]}" =~ CapEff:[[:space:]]*([0-9a-f]+) ]] || continue
  [ $((0x\${BASH_REMATCH[1]} >> 12 & 1)) = 1 ] || continue
  for other in "\${seen[@]}"; do
    [ "$folder/ns/mnt" -ef "$other/ns/mnt" ] && continue 2
  done
  seen+=("$folder")
  for path in /usr/sbin/iptables /sbin/iptables /usr/local/sbin/iptables /usr/bin/iptables; do
    [ -e "$folder/root$path" ] || [ -L "$folder/root$path" ] || continue
    # A link that begins at the root begins at the container's.
    for _ in 1 2 3 4 5 6 7 8; do
      [ -L "$folder/root$path" ] || break
      target=$(readlink "$folder/root$path")
      case $target in /*) path=$target ;; *) path=\${path%/*}/$target ;; esac
    done
    case $path in *..*) break ;; esac
    version=$(head -c 4194304 "$folder/root$path" 2>/dev/null | grep -aoE '1\\.[4-9]\\.[0-9]{1,2}' | head -n 1)
    name=\${path##*/}
    echo "$uid \${version:--} \${name//[!A-Za-z0-9._-]/}"
    found=$((found + 1))
    [ "$found" -lt 20 ] || exit 0
    break
  done
done
exit 0
`

/** What containers said of the lock; each line begins with its time. */
const containerLogs = `
[ -d /var/log/pods ] || exit 0
find /var/log/pods -name '*.log' -newermt "@$1" -print0 | head -z -n 200 |
  while IFS= read -r -d '' log; do tail -c 262144 "$log" | grep -i 'xtables lock' | tail -n 100; done | cut -c 1-400
exit 0
`

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** What a node knows of the time since $1 (seconds since 1970, its own clock) and of who writes rules; framed as facts are. */
export const nodeSignalsScript = `${prelude}
since=$1
lock_journal() {
  set -- -u containerd.service
  [ -z "$k3s_unit" ] || set -- "$@" -u "$k3s_unit"
  journalctl -q --no-pager -n 1 "$@" >/dev/null || return 1
  journalctl -q --no-pager -o cat --since "@$since" "$@" | grep -i 'xtables lock' | cut -c 1-300 |
    awk '{ if (++count <= 3) example[count] = $0 } END { print count + 0; for (i = 1; i <= 3 && i <= count; i++) print example[i] }'
}
bundled() { "$k3s_data/data/current/bin/aux/iptables" --version; }
conntrack() { cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max; }
! has journalctl || emit signals.lock-journal lock_journal
emit signals.lock-containers bash -c ${quoted(containerLogs)} lock-messages "$since"
! has iptables || emit signals.iptables-host iptables --version
[ ! -x "$k3s_data/data/current/bin/aux/iptables" ] || emit signals.iptables-k3s bundled
emit signals.iptables-containers timeout 20 bash -c ${quoted(writers)} rule-writers
emit signals.conntrack conntrack
emit end date +%s%N
echo @end`
