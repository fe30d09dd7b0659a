import { attempt, run } from './command.ts'

/** A ClusterIP's UDP port, and the addresses that serve it now. */
export interface UdpFront {
  address: string
  port: number
  backends: readonly string[]
}

interface StaleFlows {
  address: string
  port: number
  /** Where they go, and nobody serves any more. */
  backend: string
}

const flow = /^udp +\d+ +\d+ src=\S+ dst=(?<address>\S+) sport=\d+ dport=(?<port>\d+) .*?src=(?<backend>\S+) /gm

/** Of what `conntrack -L` prints, each once. A front that nobody serves keeps its flows, as kube-proxy leaves them. */
export function staleUdpFlows(listing: string, fronts: readonly UdpFront[]): StaleFlows[] {
  const stale = [...listing.matchAll(flow)].flatMap(({ groups }): [string, StaleFlows][] => {
    const { address = '', port = '', backend = '' } = groups ?? {}
    const front = fronts.find((one) => one.address === address && one.port === Number(port))
    if (front === undefined || front.backends.length === 0 || front.backends.includes(backend)) return []
    return [[`${address} ${port} ${backend}`, { address, port: Number(port), backend }]]
  })
  return [...new Map(stale).values()]
}

/**
 * UDP that keeps its source port stays with the backend that conntrack remembers, also one that is gone: kube-proxy deletes
 * such entries after each change (pkg/proxy/conntrack/cleanup.go), and Cilium chooses another backend (bpf/lib/lb.h). Not done
 * here: node ports.
 */
export async function forgetStaleUdpFlows(fronts: readonly UdpFront[], netns?: string): Promise<void> {
  const inside = netns === undefined ? [] : ['nsenter', `--net=${netns}`]
  const listing = await run([...inside, 'conntrack', '-L', '-f', 'ipv4', '-p', 'udp'])
  for (const { address, port, backend } of staleUdpFlows(listing, fronts)) {
    // Exit 1: they ended by themselves meanwhile.
    const those = ['--orig-dst', address, '--orig-port-dst', `${port}`, '--reply-src', backend]
    await attempt([...inside, 'conntrack', '-D', '-f', 'ipv4', '-p', 'udp', ...those])
  }
}
