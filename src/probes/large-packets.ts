import type { Nodes } from '../nodes/node.ts'
import { mustRun } from '../nodes/run.ts'
import { targetLines } from './attempts.ts'
import type { Target } from './pairs.ts'

/**
 * `passed`: everything was acknowledged. `stuck`: connected, and nothing larger than a packet got through. `unknown`: it did
 * not connect, or the other end closed before it could be told.
 */
export const largeResults = ['passed', 'stuck', 'unknown'] as const
export type LargeResult = (typeof largeResults)[number]

const timeoutMs = 30_000

/**
 * Writes 6,000 bytes, several packets of any usual MTU, into a connection from inside the pod's network namespace, and looks
 * in the kernel's own list whether they were acknowledged. The other end's kernel does that: its program need not read.
 * With an MTU that is too large the handshake and short answers work, and this never does.
 */
const largeScript = `set -u
export LC_ALL=C
command -v nsenter >/dev/null || { echo 'nsenter is missing' >&2; exit 3; }
attempt() {
  local padding inode left
  exec 2>/dev/null
  exec 3<>"/dev/tcp/$2/$3" || { printf '%s\\tunknown\\n' "$1"; return; }
  printf -v padding '%05800d' 0
  printf 'GET /?%s HTTP/1.0\\r\\n\\r\\n' "$padding" >&3 || { printf '%s\\tunknown\\n' "$1"; return; }
  inode=$(readlink "/proc/$BASHPID/fd/3")
  inode=\${inode#socket:[}
  inode=\${inode%]}
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    # Bytes that are sent and not acknowledged: column 5, before the colon.
    left=$(cat /proc/self/net/tcp /proc/self/net/tcp6 | awk -v inode="$inode" '$10 == inode { split($5, queue, ":"); print queue[1] }')
    case $left in
      '') printf '%s\\tunknown\\n' "$1"; return ;;
      00000000) printf '%s\\tpassed\\n' "$1"; return ;;
    esac
    sleep 0.2
  done
  printf '%s\\tstuck\\n' "$1"
}
export -f attempt
while IFS=$'\\t' read -r id netns address port _; do
  [ -n "$id" ] || continue
  if [ "$netns" = - ]; then
    (timeout 10 bash -c 'attempt "$@"' large-packets "$id" "$address" "$port") </dev/null &
  else
    (nsenter --net="$netns" -- timeout 10 bash -c 'attempt "$@"' large-packets "$id" "$address" "$port") </dev/null &
  fi
done
wait
`

/** By Pair.id. A target that gave no answer at all (its connection hung) is missing. */
export async function sendLarge(
  nodes: Nodes,
  node: string,
  targets: readonly Target[],
): Promise<Map<string, LargeResult>> {
  if (targets.length === 0) return new Map()
  const argv = ['bash', '-c', largeScript, 'large-packets'] as const
  const { stdout } = await mustRun(nodes.get(node), { argv, mode: 'read', stdin: targetLines(targets), timeoutMs })
  return parseLarge(stdout)
}

export function parseLarge(text: string): Map<string, LargeResult> {
  const results = new Map<string, LargeResult>()
  for (const line of text.split('\n')) {
    const [id, word] = line.split('\t')
    const result = largeResults.find((one) => one === word)
    if (id && result) results.set(id, result)
  }
  return results
}
