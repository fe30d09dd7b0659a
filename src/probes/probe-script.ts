/**
 * The prober, for the nodes' bash. Both modes read targets, one a line with tabs between:
 * `id, network namespace or "-" for the node's own, address, port, tcp | dns`, and make one attempt for each at once, inside
 * its namespace, of at most a second. A result is a line `id, epoch ms, duration ms, class, base64 of what was said`.
 *
 * `once`          targets on stdin, results on stdout; keeps the last line that a TCP server says of itself
 * `loop FOLDER SCRATCH`
 *                 targets from FOLDER/targets, read anew each round, results appended to FOLDER/results, twice a second,
 *                 until they are 64 MiB; SCRATCH may still be there when it was stopped amid attempts
 *
 * One bash for each namespace and round, and a fork for each attempt: no program is started for an attempt, and no
 * namespace is held open longer than an attempt lasts, because a pod that is gone must be able to go.
 */
export const probeScript = `set -u
export LC_ALL=C mode=$1 scratch
command -v nsenter >/dev/null || { echo 'nsenter is missing' >&2; exit 3; }

now() {
  if [ -n "\${EPOCHREALTIME:-}" ]; then at=\${EPOCHREALTIME/[.,]/}; at=\${at%???}; else at=$(date +%s%3N); fi
}

# One attempt. Prints END, when and how; before it what bash says about a failed connection.
attempt() {
  local reply line last=
  if [ "$3" = dns ]; then
    if ! exec 3<>"/dev/udp/$1/$2"; then now; echo "END $at failed"; return; fi
    # An A question for kube-dns.kube-system.svc.cluster.local. Without a byte 0x0a (which kubernetes.default would have
    # as a length): bash writes line by line, and each write is a datagram of its own.
    printf '\\x5a\\x17\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x08kube-dns\\x0bkube-system\\x03svc\\x07cluster\\x05local\\x00\\x00\\x01\\x00\\x01' >&3
    # The id, then the flags: the last digit is RCODE.
    reply=$(timeout 1 dd bs=512 count=1 status=none <&3 | od -An -v -tx1 -N4 | tr -d ' \\n')
    now
    case $reply in
      5a17[89a-f]??0) echo "END $at ok" ;;
      '') echo "END $at failed" ;;
      *) echo "END $at dns-failed" ;;
    esac
    return
  fi
  if ! exec 3<>"/dev/tcp/$1/$2"; then now; echo "END $at failed"; return; fi
  now
  if [ "$mode" = once ]; then
    while IFS= read -r -t 0.3 line <&3; do
      line=\${line//[^[:print:]]/}
      [ -z "$line" ] || last=$line
    done
    [ -z "$last" ] || echo "SAID \${last:0:120}"
  fi
  echo "END $at ok"
}

# All attempts of one namespace, inside it. stdin: their lines.
in_namespace() {
  local id address port kind n=0 at left class reason text end said
  local -a ids pids starts
  while IFS=$'\\t' read -r id _ address port kind; do
    [ -n "$id" ] || continue
    now
    ids[n]=$id starts[n]=$at
    : >"$scratch/$tag.$n"
    (attempt "$address" "$port" "$kind") </dev/null >>"$scratch/$tag.$n" 2>&1 &
    pids[n]=$!
    n=$((n + 1))
  done
  left=$n
  while [ "$left" -gt 0 ]; do
    read -r -t 0.05 -u 9
    now
    for n in "\${!ids[@]}"; do
      reason='' end='' class='' said=''
      while IFS= read -r text; do
        case $text in
          END\\ *) read -r _ end class <<<"$text" ;;
          SAID\\ *) said=\${text#SAID } ;;
          *) reason+=$text ;;
        esac
      done <"$scratch/$tag.$n"
      if [ -z "$end" ]; then
        [ $((at - starts[n])) -ge 1000 ] || continue
        kill -KILL "\${pids[n]}"
        wait "\${pids[n]}"
        end=$at class=timeout
      elif [ "$class" = failed ]; then
        case $reason in
          *refused*) class=refused ;;
          *'No route to host'* | *unreachable*) class=unreachable ;;
          '' | *'timed out'*) class=timeout ;;
          *reset*) class=reset ;;
          *'not known'* | *resolution*) class=dns-failed ;;
          *) class=other ;;
        esac
      fi
      [ -z "$said" ] || said=$(printf %s "$said" | base64 -w0)
      printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "\${ids[n]}" "\${starts[n]}" "$((end - starts[n]))" "$class" "$said"
      unset "ids[n]"
      left=$((left - 1))
    done
  done
  rm -f "$scratch/$tag."*
  return 0
}
export -f now attempt in_namespace

# One namespace, from outside: its path, its lines.
enter() {
  local id
  if [ "$1" = - ]; then
    in_namespace <<<"$2"
  elif ! nsenter --net="$1" -- bash -c in_namespace <<<"$2"; then
    now
    while IFS=$'\\t' read -r id _; do
      [ -z "$id" ] || printf '%s\\t%s\\t0\\tno-netns\\t\\n' "$id" "$at"
    done <<<"$2"
  fi 2>/dev/null
}

# One attempt for every target. $1 names the round; stdin: the targets.
round() {
  local line netns number=0
  local -A groups=()
  while IFS= read -r line; do
    netns=\${line#*$'\\t'}
    netns=\${netns%%$'\\t'*}
    [ -z "$netns" ] || groups[$netns]+=$line$'\\n'
  done
  for netns in "\${!groups[@]}"; do
    number=$((number + 1))
    export tag=$1.$number
    enter "$netns" "\${groups[$netns]}" &
  done
  wait
}

if [ "$mode" = loop ]; then scratch=$3 && mkdir -p -m 700 "$scratch"; else scratch=$(mktemp -d /run/cni-migrate-probe.XXXXXX); fi || exit 4
trap 'rm -rf "$scratch"' EXIT
trap 'exit 0' TERM INT
# A pipe that never says anything: waiting without starting a program.
exec 9<> <(:)

if [ "$mode" = once ]; then
  round 0
  exit 0
fi

cd "$2" || exit 5
now
next=$at count=0
declare -a rounds
while :; do
  # A machine that cannot keep up leaves rounds out instead of piling them up.
  if [ "$count" -lt 3 ] || ! kill -0 "\${rounds[count % 3]}" 2>/dev/null; then
    round "$count" <targets >>results &
    rounds[count % 3]=$!
    count=$((count + 1))
  fi
  if [ $((count % 100)) -eq 0 ] && [ "$(stat -c %s results)" -gt 67108864 ]; then exit 0; fi
  now
  next=$((next + 500))
  [ "$next" -gt "$at" ] || next=$((at + 20))
  printf -v pause '%d.%03d' $(((next - at) / 1000)) $(((next - at) % 1000))
  read -r -t "$pause" -u 9
done
`
