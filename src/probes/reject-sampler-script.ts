import { xtables } from '../netfilter/tools.ts'

/**
 * One rule set's filter table with counters, as iptables-save prints it, to what is needed of it. Nothing for a table
 * without kube-router's chains; otherwise
 * `G SET GENERATION`               all names change at every sync, so the least, the greatest and their number tell it
 * `R SET CHAIN COUNT NAMESPACE POD` packets that a pod's chain refused, where there are any
 * `M|D|E SET CHAIN NAMESPACE POD`  a pod's chain is in use and leads to no policy's chain (M), or to one without any rule:
 *                                 the default one (D), which always has one, or another (E)
 * `L SET`                          policies' chains have a rule that logs, as since K3s 1.22 even those do that allow nothing;
 *                                 without it an empty one may be as it should be
 * Ends with 1 when the table is cut off.
 */
const program = `
function pod_of(line,   words) {
  line = substr(line, index(line, "POD name:") + 9)
  split(line, words, /[ "]+/)
  return words[3] " " words[1]
}
/^:KUBE-(POD-FW|NWPLCY)-/ {
  name = substr($1, 2)
  if (name ~ /^KUBE-NWPLCY-(DEFAULT|COMMON|TAIL)$/) next
  chains++
  if (least == "" || name < least) least = name
  if (name > greatest) greatest = name
  next
}
/^\\[[0-9:]*\\] -A KUBE-NWPLCY-/ {
  rest = substr($0, index($0, "] -A ") + 5)
  filled[substr(rest, 1, index(rest, " ") - 1)] = 1
  if (!logs && / -j NFLOG/) logs = 1
  next
}
/^\\[[0-9:]*\\] -A KUBE-POD-FW-/ {
  chain = $3
  if (match($0, / -j KUBE-NWPLCY-[A-Z2-7]+$/)) {
    target = substr($0, RSTART + 4)
    if (target != "KUBE-NWPLCY-COMMON") targets[chain] = targets[chain] " " target
  } else if (/ -j REJECT/) {
    refused[chain] += substr($1, 2) + 0
    if (/POD name:/) pod[chain] = pod_of($0)
  } else if (/ POD name:/ && !(chain in pod)) pod[chain] = pod_of($0)
  next
}
/^\\[[0-9:]*\\] -A KUBE-ROUTER-/ { if (match($0, / -j KUBE-POD-FW-[A-Z2-7]+$/)) linked[substr($0, RSTART + 4)] = 1; next }
/^\\*/ { begun = 1 }
/^COMMIT/ { complete = 1 }
END {
  if (begun && !complete) exit 1
  if (chains == 0) exit 0
  print "G", set, least "/" greatest "/" chains
  if (logs) print "L", set
  for (chain in refused) {
    if (!(chain in pod)) continue
    if (refused[chain] > 0) printf "R %s %s %.0f %s\\n", set, chain, refused[chain], pod[chain]
    if (!(chain in linked)) continue
    if (!(chain in targets)) print "M", set, chain, pod[chain]
    else {
      split(targets[chain], each, " ")
      empty = ""
      for (i in each) if (!(each[i] in filled)) empty = each[i] == "KUBE-NWPLCY-DEFAULT" || empty == "D" ? "D" : "E"
      if (empty != "") print empty, set, chain, pod[chain]
    }
  }
}
`

/** Of a core, at most; a sample that would cost more waits until it does not. */
export const mostCpuShare = 0.02
const shortestMs = 1000

/**
 * The reject sampler, for the nodes' bash: `LENGTH SPENT SINCE`, all in ms. Takes samples for LENGTH and ends; nothing
 * of it stays on the node, and one whose connection is gone ends no later. SPENT: CPU time of the slices before, SINCE: time
 * since the first of them began. Says `begin AT`, then for each sample one of
 * `sample AT CPU new`, the state in the lines of the program above, and `.`
 * `sample AT CPU same`, when the state is that of the sample before
 * `failed AT CPU BASE64`, what iptables-save said
 * and at last `end AT DUE`: when the next sample may be taken. AT and DUE: epoch ms. CPU: ms of this slice until now.
 */
export const rejectSamplerScript = `set -u -o pipefail
export LC_ALL=C
length=$1 spent=$2 since=$3
${xtables}
now() {
  if [ -n "\${EPOCHREALTIME:-}" ]; then at=\${EPOCHREALTIME/[.,]/}; at=\${at%???}; else at=$(date +%s%3N); fi
}
now
begin=$at
echo "begin $at"
command -v awk >/dev/null || { echo 'awk is missing' >&2; exit 3; }
# Pipes to itself: one to wait on and to hear a builtin without starting a program, one for what goes wrong.
exec 8<> <(:) 9<> <(:)

to_ms() {
  local seconds=\${1#*m}
  seconds=\${seconds%s}
  ms=$((\${1%%m*} * 60000 + 10#\${seconds%.*} * 1000 + 10#\${seconds#*.}))
}
# CPU time of this shell and of all that it has waited for.
cpu_time() {
  local line each
  cpu=0
  times >&9
  for line in 1 2; do
    read -r -u 9 line
    for each in $line; do to_ms "$each"; cpu=$((cpu + ms)); done
  done
}

declare -A savers=()
for name in ip-nft ip-legacy ip6-nft ip6-legacy; do
  # The legacy program makes the tables it looks at.
  case $name in
    ip-legacy) grep -qsx filter /proc/net/ip_tables_names || continue ;;
    ip6-legacy) grep -qsx filter /proc/net/ip6_tables_names || continue ;;
  esac
  saver=$(xtables_program "$name" save) && savers[$name]=$saver
done
[ \${#savers[@]} -gt 0 ] || { echo 'no iptables-save, and none that came with K3s' >&2; exit 4; }

look() {
  local name
  for name in "\${!savers[@]}"; do
    "\${savers[$name]}" -c -t filter | awk -v set="$name" '${program}' || return 1
  done
}
why() {
  local line said=
  while read -r -t 0.05 -u 8 line; do said=$line; done
  printf %s "\${said:0:200}" | base64 -w0
}

last=none cpu=0
while :; do
  now
  started=$at before=$cpu
  if state=$(look 2>&8); then
    cpu_time
    if [ "$state" = "$last" ]; then
      echo "sample $started $cpu same"
    else
      printf 'sample %s %s new\\n%s\\n.\\n' "$started" "$cpu" "$state"
    fi
    if [ "$last" = none ] && [ -n "$state" ]; then
      # The others hold nothing of kube-router's; they are looked at again in the next slice.
      for name in "\${!savers[@]}"; do [[ $state == *"G $name "* ]] || unset "savers[$name]"; done
    fi
    last=$state
  else
    cpu_time
    echo "failed $started $cpu $(why)"
  fi
  cost=$((cpu - before))
  due=$((started + ${1 / mostCpuShare} * cost))
  # Together with the next one, all that was spent has to fit into the time until then.
  whole=$((begin - since + ${1 / mostCpuShare} * (spent + cpu + cost)))
  [ "$due" -ge "$whole" ] || due=$whole
  [ "$due" -ge $((started + ${shortestMs})) ] || due=$((started + ${shortestMs}))
  [ $((due - begin)) -lt "$length" ] || break
  now
  if [ "$due" -gt "$at" ]; then
    printf -v pause '%d.%03d' $(((due - at) / 1000)) $(((due - at) % 1000))
    read -r -t "$pause" -u 9
  fi
done
now
echo "end $at $due"
`
