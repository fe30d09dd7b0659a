import { writeFile } from 'node:fs/promises'
import type { Informer, NodeContext } from '../../context.ts'
import { attempt, run } from '../command.ts'
import { SyncLoop } from '../tasks.ts'
import { canaries, filterInput, natInput } from './rules.ts'
import { type ServicePort, servicePorts } from './services.ts'

/** kube-proxy notices by its canaries that a table was flushed, and looks this often. */
const canaryMs = 30_000

/** Starts the iptables proxy; its rules stay when it ends. Returns the request for a sync. */
export async function startProxy(context: NodeContext, services: Informer, slices: Informer): Promise<() => void> {
  const { log, signal, cluster } = context
  await writeFile('/proc/sys/net/ipv4/conf/all/route_localnet', '1')
  await Promise.all([services.synced, slices.synced])
  let last = ''
  let since = 0
  const loop = new SyncLoop(
    async () => {
      const ports = servicePorts(services.items(), slices.items())
      const wanted = JSON.stringify(ports)
      const due = Date.now() - since >= canaryMs
      if (wanted === last && !(due && ((await isFlushed()) || (await isStale(ports))))) return
      await sync(ports, cluster.clusterCidr)
      last = wanted
      since = Date.now()
    },
    {
      signal,
      everyMs: canaryMs,
      gatherMs: 200,
      onError: (error) => log('error', `Failed to execute iptables-restore: ${error}`),
    },
  )
  return loop.request
}

async function isFlushed(): Promise<boolean> {
  for (const table of ['mangle', 'nat', 'filter']) {
    const outcome = await attempt(['iptables', '-w', '-t', table, '-S', canaries[1]])
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
  await run(['iptables-restore', '-w', '--noflush'], { stdin: input })
}
