import type { Lab } from '../../../src/lab/lab.ts'

/**
 * New connections from inside a pod's namespace, twice a second, each in a process of its own: one word a line. Each may take
 * two seconds: a refusal is often heard only when the SYN is repeated, after one.
 */
const script = `
sandbox=$(k3s crictl pods -q --name "$1" --state Ready | head -n 1)
netns=$(k3s crictl inspectp -o json "$sandbox" | grep -o '/var/run/netns/[^"]*' | head -n 1)
export address=$2 port=$3
attempt() {
  case $(timeout 2 bash -c 'exec 3<>/dev/tcp/$address/$port && echo connected' 2>&1) in
    *connected*) echo ok ;;
    *refused*) echo refused ;;
    *'Network is unreachable'*) echo unreachable ;;
    '') echo timeout ;;
    *) echo other ;;
  esac
}
export -f attempt
nsenter --net="$netns" bash -c 'for ((i = 0; i < $0; i++)); do attempt & sleep 0.5; done; wait' "$4"
`

export type Outcome = 'ok' | 'refused' | 'unreachable' | 'timeout' | 'other'

/** How `count` connections from a pod on `node` ended, in the order of their ends. `pod`: how its name begins. */
export async function attemptsFromPod(
  lab: Lab,
  { node, pod, address, port, count }: { node: string; pod: string; address: string; port: number; count: number },
): Promise<Outcome[]> {
  const argv = ['bash', '-s', '--', pod, address, String(port), String(count)] as const
  const { code, stdout, stderr } = await lab.exec(node, argv, { stdin: script })
  if (code !== 0) throw new Error(`${node}: connecting from ${pod} ended with ${code}: ${stderr}`)
  return stdout.trim().split('\n') as Outcome[]
}

/** 0 to 1. */
export const shareOf = (outcomes: readonly Outcome[], which: Outcome): number =>
  outcomes.filter((outcome) => outcome === which).length / outcomes.length
