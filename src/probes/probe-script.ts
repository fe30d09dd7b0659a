/**
 * The prober, for the nodes' bash. Both modes read targets, one a line with tabs between:
 * `id, network namespace or "-" for the node's own, address, port, tcp | http | dns:NAME, every`, and make one attempt for each
 * at once, inside its namespace. What has not ended after TIMEOUT ms is given up. A result is a line
 * `id, epoch ms, duration ms, class, base64 of what was said, ms until the first byte (http)`.
 *
 * `once TIMEOUT`  targets on stdin, results on stdout; keeps the last line that a TCP server says of itself
 * `loop TIMEOUT FOLDER SCRATCH INTERVAL`
 *                 targets from FOLDER/targets, read anew each round, results appended to FOLDER/results, every INTERVAL ms,
 *                 those with `every` n only in each nth round, until they are 64 MiB or there is a file FOLDER/end: then
 *                 the attempts that were begun are waited for. SCRATCH may still be there when it was stopped amid attempts
 *
 * One bash for each namespace and round, and a fork for each attempt: no program is started for an attempt (but for DNS),
 * and no namespace is held open longer than an attempt lasts, because a pod that is gone must be able to go.
 */
export const probeScript = `set -u
export LC_ALL=C mode=$1 timeout_ms=$2 scratch
command -v nsenter >/dev/null || { echo 'nsenter is missing' >&2; exit 3; }

printf -v seconds '%d.%03d' $((timeout_ms / 1000)) $((timeout_ms % 1000))
export seconds

now() {
  if [ -n "\${EPOCHREALTIME:-}" ]; then at=\${EPOCHREALTIME/[.,]/}; at=\${at%???}; else at=$(date +%s%3N); fi
}

# One attempt. Prints END, when and how; before it what bash says about a failed connection.
attempt() {
  local reply line last=
  if [ "\${3%%:*}" = dns ]; then
    if ! exec 3<>"/dev/udp/$1/$2"; then now; echo "END $at failed"; return; fi
    # A question for an A record. Bash writes line by line, and each write is a datagram of its own: where a length is a
    # newline (10), another program makes it one.
    line='\\x5a\\x17\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00' reply=\${3#dns:}.
    while [ -n "$reply" ]; do
      last=\${reply%%.*} reply=\${reply#*.}
      printf -v last '\\\\x%02x%s' "\${#last}" "$last"
      line+=$last
    done
    line+='\\x00\\x00\\x01\\x00\\x01'
    case $line in
      *'\\x0a'*) printf "$line" | dd bs=512 count=1 iflag=fullblock status=none >&3 ;;
      *) printf "$line" >&3 ;;
    esac
    # The id, then the flags: the last digit is RCODE.
    reply=$(timeout "$seconds" dd bs=512 count=1 status=none <&3 | od -An -v -tx1 -N4 | tr -d ' \\n')
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
  if [ "$3" = http ]; then
    local connected=$at
    # A server that has closed already shall not end this by a signal.
    trap '' PIPE
    case $1 in *:*) line="[$1]:$2" ;; *) line=$1:$2 ;; esac
    printf 'GET / HTTP/1.0\\r\\nHost: %s\\r\\nUser-Agent: cni-migrate\\r\\n\\r\\n' "$line" >&3
    if ! IFS= read -r -n 1 last <&3; then echo "END $connected reset"; return; fi
    now
    echo "FIRST $at"
    if [ "$mode" = once ]; then
      IFS= read -r -t 0.3 line <&3
      # Only one that answers in HTTP is to be asked so again.
      case $last$line in HTTP/*) ;; *) echo "END $connected other"; return ;; esac
    fi
    at=$connected
  fi
  if [ "$mode" = once ]; then
    last=
    for reply in {1..64}; do
      IFS= read -r -t 0.3 -n 400 line <&3 || break
      line=\${line//[^[:print:]]/}
      [ -z "$line" ] || last=$line
    done
    [ -z "$last" ] || echo "SAID \${last:0:120}"
  fi
  echo "END $at ok"
}

# All attempts of one namespace, inside it. stdin: their lines.
in_namespace() {
  local id address port kind n=0 at left class reason text end said first line
  local -a ids pids starts
  # What ends says so here, so that nothing has to be looked at again and again.
  exec 8<> <(:)
  while IFS=$'\\t' read -r id _ address port kind _; do
    [ -n "$id" ] || continue
    now
    ids[n]=$id starts[n]=$at
    : >"$scratch/$tag.$n"
    (attempt "$address" "$port" "$kind" </dev/null >>"$scratch/$tag.$n" 2>&1; echo "$n" >&8) &
    pids[n]=$!
    n=$((n + 1))
  done
  left=$n
  while [ "$left" -gt 0 ]; do
    now
    # They began one after the other, so the first that is left is the first to be given up.
    for n in "\${!ids[@]}"; do break; done
    line=$((starts[n] + timeout_ms - at))
    if [ "$line" -gt 0 ]; then
      printf -v line '%d.%03d' $((line / 1000)) $((line % 1000))
      read -r -t "$line" -u 8 n || continue
      [ -n "\${ids[n]:-}" ] || continue
      wait "\${pids[n]}"
    else
      kill -KILL "\${pids[n]}"
      wait "\${pids[n]}"
    fi
    reason='' end='' class='' said='' first=''
    while IFS= read -r text; do
      case $text in
        END\\ *) read -r _ end class <<<"$text" ;;
        FIRST\\ *) first=$((\${text#FIRST } - starts[n])) ;;
        SAID\\ *) said=\${text#SAID } ;;
        *) reason+=$text ;;
      esac
    done <"$scratch/$tag.$n"
    if [ -z "$end" ]; then
      now
      end=$at class=timeout first=''
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
    printf '%s\\t%s\\t%s\\t%s\\t%s\\t%s\\n' "\${ids[n]}" "\${starts[n]}" "$((end - starts[n]))" "$class" "$said" "$first"
    unset "ids[n]"
    left=$((left - 1))
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
      [ -z "$id" ] || printf '%s\\t%s\\t0\\tno-netns\\t\\t\\n' "$id" "$at"
    done <<<"$2"
  fi 2>/dev/null
}

# One attempt for every target. $1 names the round; stdin: the targets.
round() {
  local line netns every number=0
  local -A groups=()
  while IFS= read -r line; do
    every=\${line##*$'\\t'}
    [ $(($1 % every)) -eq 0 ] || continue
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

if [ "$mode" = loop ]; then scratch=$4 interval=$5 && mkdir -p -m 700 "$scratch"; else scratch=$(mktemp -d /run/cni-migrate-probe.XXXXXX); fi || exit 4
trap 'rm -rf "$scratch"' EXIT
trap 'exit 0' TERM INT
# A pipe that never says anything: waiting without starting a program.
exec 9<> <(:)

if [ "$mode" = once ]; then
  round 0
  exit 0
fi

cd "$3" || exit 5
# As many rounds as can be under way when everything times out.
slots=$((timeout_ms / interval + 2))
now
next=$at count=0
declare -a rounds
while [ ! -e end ]; do
  # A machine that cannot keep up leaves rounds out instead of piling them up.
  if [ "$count" -lt "$slots" ] || ! kill -0 "\${rounds[count % slots]}" 2>/dev/null; then
    round "$count" <targets >>results &
    rounds[count % slots]=$!
    count=$((count + 1))
  fi
  if [ $((count % 100)) -eq 0 ] && [ "$(stat -c %s results)" -gt 67108864 ]; then exit 0; fi
  now
  next=$((next + interval))
  [ "$next" -gt "$at" ] || next=$((at + 20))
  printf -v pause '%d.%03d' $(((next - at) / 1000)) $(((next - at) % 1000))
  read -r -t "$pause" -u 9
done
wait
`
