import { writeFile } from 'node:fs/promises'
import type { Informer, NodeContext } from '../../context.ts'
import { klog } from '../../log.ts'
import { attempt, run } from '../command.ts'
import { SyncLoop } from '../tasks.ts'
import { forgetStaleUdpFlows } from '../udp-flows.ts'
import { ProxyMetrics, serveMetrics } from './metrics.ts'
import { canaries, filterInput, natInput } from './rules.ts'
import { type ServicePort, servicePorts, udpFronts } from './services.ts'

/** kube-proxy notices by its canaries that a table was flushed, and looks this often. */
const canaryMs = 30_000
/** So long, in seconds, kube-proxy waits for the xtables lock: then the sync has failed, and is tried again later. */
const lockWait = ['-w', '5']
/** What iptables exits with when somebody else kept the lock. */
const lockHeld = 4

export interface Proxy {
  onServices: () => void
  onSlices: () => void
}

/** Starts the iptables proxy; its rules stay when it ends. What it returns is to be told of changes. */
export async function startProxy(context: NodeContext, services: Informer, slices: Informer): Promise<Proxy> {
  const { log, signal, cluster } = context
  await writeFile('/proc/sys/net/ipv4/conf/all/route_localnet', '1')
  await Promise.all([services.synced, slices.synced])
  const metrics = new ProxyMetrics()
  serveMetrics(metrics, signal, (error) => log('error', `Failed to serve kube-proxy's metrics: ${error.message}`))
  let last = ''
  let since = 0
  const syncIfCalledFor = async (): Promise<void> => {
    const ports = servicePorts(services.items(), slices.items())
    const wanted = JSON.stringify(ports)
    const due = Date.now() - since >= canaryMs
    if (wanted === last && !(due && ((await isFlushed()) || (await isStale(ports))))) return
    await sync(ports, cluster.clusterCidr)
    await forgetStaleUdpFlows(udpFronts(ports))
    last = wanted
    since = Date.now()
  }
  const loop = new SyncLoop(
    async () => {
      const begunMs = performance.now()
      metrics.begin()
      try {
        await syncIfCalledFor()
        metrics.end(performance.now() - begunMs, 'synced', Date.now())
      } catch (error) {
        metrics.end(performance.now() - begunMs, 'failed', Date.now())
        throw error
      }
    },
    { signal, everyMs: canaryMs, gatherMs: 200, onError: logFailure },
  )
  const told = (what: 'endpoint' | 'service') => () => {
    metrics.changed(what, Date.now())
    loop.request()
  }
  return { onServices: told('service'), onSlices: told('endpoint') }
}

/** The two lines that kube-proxy's journal has for it, in klog's way with a text of several lines. */
function logFailure(error: unknown): void {
  const text = (error instanceof Error ? error.message : String(error)).replaceAll('\n', '\n\t')
  klog('E', 'proxier.go:1564', `"Failed to execute iptables-restore" err=<\n\t${text}\n >`)
  klog('I', 'proxier.go:805', `"Sync failed" ipFamily="IPv4" retryingTime="${canaryMs / 1000}s"`)
}

async function isFlushed(): Promise<boolean> {
  for (const table of ['mangle', 'nat', 'filter']) {
    const outcome = await attempt(['iptables', ...lockWait, '-t', table, '-S', canaries[1]])
    if (outcome.code === lockHeld) throw new Error(`exit status ${lockHeld}: ${outcome.stderr.trim()}`)
    if (outcome.code !== 0) return true
  }
  return false
}

/**
 * kube-router may have put back a REJECT that was just taken out (measured.md 9). The real proxy can leave it there until
 * something changes, up to an hour: a practice cluster would look broken for no reason that it is there to show.
 */
async function isStale(ports: readonly ServicePort[]): Promise<boolean> {
  const filter = await run(['iptables-save', '-t', 'filter'])
  return ports.some((port) => port.endpoints.length > 0 && filter.includes(`"${port.name} has no endpoints"`))
}

async function sync(ports: readonly ServicePort[], clusterCidr: string): Promise<void> {
  const [filter, nat] = await Promise.all([run(['iptables-save', '-t', 'filter']), run(['iptables-save', '-t', 'nat'])])
  const mangle = [
    '*mangle',
    ...[...canaries, 'KUBE-IPTABLES-HINT'].map((chain) => `:${chain} - [0:0]`),
    'COMMIT',
    '',
  ].join('\n')
  const input = mangle + filterInput(ports, filter) + natInput(ports, clusterCidr, nat)
  const { code, stderr } = await attempt(['iptables-restore', ...lockWait, '--noflush'], { stdin: input })
  if (code !== 0) throw new Error(`exit status ${code}: ${stderr.trim()}`)
}
