import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeClient } from './client.ts'
import { setting } from './config.ts'
import { type ApiObject, paths } from './context.ts'
import { LoadBalancer } from './load-balancer.ts'
import { fatal, log } from './log.ts'
import { runNode } from './node-agent.ts'
import { notifyReady } from './notify.ts'
import { type ClusterSettings, loadConfig, nodeIpOf, nodeNameOf, version } from './settings.ts'
import { endOnTerm } from './shutdown.ts'
import { SupervisorClient } from './supervisor-client.ts'
import { parseToken, type Token } from './token.ts'

const retryMs = 2000

/** `k3s agent`: joins through its load balancer whichever server answers, and takes the cluster's settings from that one. */
export async function runAgent(argv: readonly string[]): Promise<void> {
  const config = loadConfig('agent', argv)
  const serverUrl = setting(config, 'server', '')
  const tokenText = setting(config, 'token', '')
  if (serverUrl === '') fatal('--server is required')
  if (tokenText === '') fatal('--token is required')
  const token = parseToken(tokenText)
  const name = nodeNameOf(config)
  const ip = nodeIpOf(config)
  const stop = new AbortController()
  endOnTerm(stop, () => 'flannel exited: operation was cancelled')
  log('info', `Starting k3s agent ${version}`)

  const balancer = new LoadBalancer(serverUrl)
  await balancer.listen()
  const cluster = await fetchUntilAnswered(token, name, ip)
  const api = nodeClient()
  const endpoints = api.informer(
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=kubernetes',
    {
      signal: stop.signal,
      onChange: () => balancer.update(serverAddresses(endpoints.items())),
    },
  )
  await endpoints.synced
  await runNode({ name, ip, role: 'agent', config }, cluster, api, stop.signal)
  await notifyReady()
  log('info', 'k3s agent is up and running')
}

const serverAddresses = (slices: readonly ApiObject[]): string[] =>
  slices.flatMap((slice) =>
    (slice.endpoints ?? []).flatMap((endpoint: { addresses: string[] }) =>
      endpoint.addresses.map((address) => `${address}:6443`),
    ),
  )

/** Asks until a server answers, as the real agent does: without one there is nothing it could do. */
async function fetchUntilAnswered(token: Token, name: string, ip: string): Promise<ClusterSettings> {
  for (;;) {
    try {
      return await fetchSettings(token, name, ip)
    } catch (error) {
      log('error', `failed to get CA certs: ${error instanceof Error ? error.message : String(error)}`)
      await delay(retryMs)
    }
  }
}

async function fetchSettings(token: Token, name: string, ip: string): Promise<ClusterSettings> {
  const supervisor = new SupervisorClient('https://127.0.0.1:6444', 'node', token)
  const ca = await supervisor.trust(token)
  const files = await supervisor.post<Record<string, string>>('/v1-k3s/node-certificates', {
    nodeName: name,
    nodeIp: ip,
  })
  const folder = `${paths.data}/agent`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [file, text] of Object.entries({ ...files, 'server-ca.crt': ca }))
    writeFileSync(`${folder}/${file}`, text, { mode: 0o600 })
  return fromWire(await supervisor.get<WireConfig>('/v1-k3s/config'))
}

/** What /v1-k3s/config says, in K3s' own names. */
export interface WireConfig {
  FlannelBackend: 'vxlan' | 'none'
  ClusterIPRange: string
  ServiceIPRange: string
  ClusterDNS: string
  ClusterDomain: string
  DisableNPC: boolean
  DisableKubeProxy: boolean
}

const fromWire = (wire: WireConfig): ClusterSettings => ({
  flannelBackend: wire.FlannelBackend,
  disableNetworkPolicy: wire.DisableNPC,
  disableKubeProxy: wire.DisableKubeProxy,
  clusterCidr: wire.ClusterIPRange,
  serviceCidr: wire.ServiceIPRange,
  clusterDns: wire.ClusterDNS,
  clusterDomain: wire.ClusterDomain,
})
