import { randomBytes } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import type { Facts } from '../facts/facts.ts'
import { type PathsFacts, pathOutcomes } from '../facts/paths.ts'
import { apiAddress, isLoopback } from '../inventory/api-address.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { Nodes } from '../nodes/node.ts'

const timeoutMs = 15_000
/** Listeners wait so long; who starts a moment later than the others must still find them. */
const listenSeconds = 3
const trySeconds = 2.4
/** On larger clusters each node tries the next so many, so that all nodes are tried from somewhere. */
const maxPeers = 11

/** A port between nodes. `ours`: nobody is there before Cilium is, so a listener is opened for the time of the try. */
interface Port {
  protocol: 'tcp' | 'udp' | 'icmp'
  port: number
  what: string
  ours: boolean
}

/** What stands in one line of the script's input. */
interface Target extends Port {
  from: string
  to: string
  address: string
}

/**
 * $1 token, $2 own name, $3 own address, $4 seconds to listen, $5 seconds to try, then ports to listen on as PROTOCOL:PORT.
 * stdin: `ID PROTOCOL ADDRESS PORT RETRY` a line. Says `listening PROTOCOL PORT yes|no`, `try ID OUTCOME`,
 * `arrived PORT TOKEN NAME`. systemd's own tool listens, on the node's own address alone; all is gone when the script ends.
 */
export const pathsScript = `
export LC_ALL=C
token=$1 name=$2 own=$3 listen=$4 seconds=$5
shift 5
case $own in *:*) own="[$own]" ;; esac
deadline=$(awk -v now="$(date +%s.%N)" -v more="$seconds" 'BEGIN { printf "%.3f", now + more }')
over() { awk -v now="$(date +%s.%N)" -v end="$deadline" 'BEGIN { exit !(now > end) }'; }
listeners=()
for spec in "$@"; do
  protocol=\${spec%%:*} port=\${spec#*:}
  if ! command -v systemd-socket-activate >/dev/null; then echo "listening $protocol $port no"; continue; fi
  if [ "$protocol" = udp ]; then
    # A line of its own for each datagram that is ours.
    timeout "$listen" systemd-socket-activate -d -l "$own:$port" sh -c 'exec cat <&3' 2>/dev/null </dev/null > >(
      while read -r said from; do [ "$said" != "$token" ] || echo "arrived $port $said $from"; done) &
  else
    timeout "$listen" systemd-socket-activate -l "$own:$port" sleep "$listen" >/dev/null 2>&1 </dev/null &
  fi
  listeners+=("$!:$protocol:$port")
done
try_tcp() {
  while :; do
    said=$(timeout 1 bash -c 'exec 3<>"/dev/tcp/$1/$2"' try "$2" "$3" 2>&1)
    code=$?
    case $code,$said in
      0,*) outcome=open ;;
      124,*) outcome=timeout ;;
      *refused*) outcome=refused ;;
      *) outcome=unreachable ;;
    esac
    if [ "$outcome" = open ] || [ "$4" = once ] || over; then echo "try $1 $outcome"; return; fi
    sleep 0.2
  done
}
try_udp() {
  until over; do
    printf '%s %s\\n' "$token" "$name" 2>/dev/null >"/dev/udp/$2/$3"
    sleep 0.3
  done 2>/dev/null
}
try_icmp() {
  command -v ping >/dev/null || { echo "try $1 not-tried"; return; }
  if ping -n -c 2 -i 0.3 -W 1 "$2" >/dev/null 2>&1; then echo "try $1 open"; else echo "try $1 timeout"; fi
}
tries=()
while read -r id protocol address port retry; do
  "try_$protocol" "$id" "$address" "$port" "$retry" </dev/null &
  tries+=("$!")
done
sleep 0.3
for one in "\${listeners[@]}"; do
  IFS=: read -r pid protocol port <<<"$one"
  if kill -0 "$pid" 2>/dev/null; then echo "listening $protocol $port yes"; else echo "listening $protocol $port no"; fi
done
wait
`

/** By the roles of both ends: what K3s uses today, and what Cilium will (k3s-kube-router.md §8, cilium.md §3.3). */
function portsFor(fromServer: boolean, toServer: boolean, { tunnelPort, hubble }: Inventory['cilium']): Port[] {
  const tcp = (port: number, what: string): Port => ({ protocol: 'tcp', port, what, ours: false })
  return [
    { protocol: 'udp', port: tunnelPort, what: "Cilium's tunnel", ours: true },
    { protocol: 'tcp', port: 4240, what: "Cilium's health checks", ours: true },
    { protocol: 'icmp', port: 0, what: "Cilium's health checks", ours: false },
    tcp(10250, 'kubelet'),
    ...(toServer ? [tcp(6443, 'Kubernetes API')] : []),
    ...(fromServer && toServer ? [tcp(2379, 'etcd clients'), tcp(2380, 'etcd peers')] : []),
    ...(hubble ? [{ protocol: 'tcp', port: 4244, what: 'Hubble', ours: true } as const] : []),
  ]
}

/** The address by which Kubernetes and Cilium know a node. */
const addressOf = (facts: Facts, name: string): string =>
  facts.kube.nodes.find((node) => node.name === name)?.internalIp ||
  facts.nodes[name]?.host.uplink?.address ||
  (facts.nodes[name]?.address ?? name)

/**
 * What is tried from which node. Every node is tried from at least one other; an address of the API of the inventory's own is
 * tried from all.
 */
export function choosePaths(facts: Facts, cilium: Inventory['cilium']): Target[] {
  const names = Object.keys(facts.nodes)
  const isServer = (name: string) => facts.nodes[name]?.unit.role === 'server'
  const { host, port } = apiAddress(cilium)
  const api: Target[] =
    isLoopback(host) || !ipaddr.isValid(host)
      ? []
      : names.map((from) => ({
          protocol: 'tcp',
          port,
          what: 'Kubernetes API',
          ours: false,
          from,
          to: host,
          address: host,
        }))
  const between = names.flatMap((from, index) =>
    Array.from({ length: Math.min(names.length - 1, maxPeers) }, (_, step) => {
      const to = names[(index + step + 1) % names.length] ?? from
      const address = addressOf(facts, to)
      return portsFor(isServer(from), isServer(to), cilium).map((one) => ({ ...one, from, to, address }))
    }).flat(),
  )
  return [...between, ...api]
}

interface Said {
  listening: Map<string, boolean>
  tries: Map<number, PathsFacts[number]['outcome']>
  arrived: Set<string>
}

const outcome = z.enum(pathOutcomes)

/** Lines that are none of the script's own are passed over: a login may greet. */
export function parsePaths(stdout: string, token: string): Said {
  const said: Said = { listening: new Map(), tries: new Map(), arrived: new Set() }
  for (const line of stdout.split('\n')) {
    const [word, first = '', second = '', third = ''] = line.split(' ')
    if (word === 'listening') said.listening.set(`${first}:${second}`, third === 'yes')
    else if (word === 'try' && outcome.safeParse(second).success) said.tries.set(Number(first), outcome.parse(second))
    else if (word === 'arrived' && second === token) said.arrived.add(`${first} ${third}`)
  }
  return said
}

function judge(target: Target, id: number, said: ReadonlyMap<string, Said>): PathsFacts[number] {
  const { protocol, port, what, from, to, address } = target
  const [near, far] = [said.get(from), said.get(to)]
  const listening = !target.ours || far?.listening.get(`${protocol}:${port}`) === true
  const path = { from, to, address, protocol, port, what, listening }
  const notTried = (why: string) => ({ ...path, outcome: 'not-tried' as const, why })
  if (!near) return notTried('the node that tries did not answer')
  if (protocol === 'udp') {
    if (far?.arrived.has(`${port} ${from}`)) return { ...path, outcome: 'open', why: null }
    if (!listening)
      return notTried(
        'nothing could be made to listen at the far end: the port is in use, or there is no systemd-socket-activate',
      )
    return { ...path, outcome: 'lost', why: null }
  }
  const tried = near.tries.get(id)
  if (tried === undefined || tried === 'not-tried')
    return notTried(protocol === 'icmp' ? 'there is no ping' : 'nothing was said about it')
  return { ...path, outcome: tried, why: null }
}

/**
 * Tries the ports between the nodes, all at once: three seconds. Where nobody listens yet, each node listens itself for that
 * long on its own address. Nothing else is opened, and nothing stays.
 */
export async function readPaths(nodes: Nodes, facts: Facts, cilium: Inventory['cilium']): Promise<PathsFacts> {
  const targets = choosePaths(facts, cilium)
  const token = randomBytes(8).toString('hex')
  const said = new Map<string, Said>()
  await Promise.all(
    Object.keys(facts.nodes).map(async (name) => {
      const listen = targets
        .filter(({ to, ours }) => to === name && ours)
        .map(({ protocol, port }) => `${protocol}:${port}`)
      const lines = targets.flatMap((target, id) =>
        target.from === name
          ? [`${id} ${target.protocol} ${target.address} ${target.port} ${target.ours ? 'again' : 'once'}\n`]
          : [],
      )
      const times = [String(listenSeconds), String(trySeconds)]
      const args = [token, name, addressOf(facts, name), ...times, ...new Set(listen)]
      const run = await nodes.get(name).run({
        argv: ['bash', '-c', pathsScript, 'node-paths', ...args],
        mode: 'read',
        stdin: lines.join(''),
        timeoutMs,
      })
      if (run.kind === 'exited') said.set(name, parsePaths(run.stdout, token))
    }),
  )
  return targets.map((target, id) => judge(target, id, said))
}
