import type { ApiClient } from '../context.ts'
import { SyncLoop } from '../node/tasks.ts'
import { contains, freeAddress } from './addresses.ts'
import type { AgentConfig } from './agent-config.ts'
import { attachNodePrograms, createMaps, mountBpf, setTunnels } from './bpf.ts'
import { ensureCiliumNode, publishAddresses, viewOf } from './cilium-node.ts'
import { type CniConf, manageConf } from './cni-conf.ts'
import { serveCni } from './cni-server.ts'
import { deviceMtu, ensureHostPair, ensureTunnel, hostAddress, link, removeTunnel, setHostAddress } from './devices.ts'
import { Endpoints } from './endpoints.ts'
import { serveHealth, startHealthEndpoint } from './health.ts'
import { endpointFromObject } from './identity.ts'
import { watched } from './informers.ts'
import { installChains } from './iptables.ts'
import * as kube from './kube-paths.ts'
import type { Log } from './log.ts'
import { frontends } from './policy/services.ts'
import { ensureProxyRules, syncRoutes } from './routes.ts'

export interface AgentOptions {
  api: ApiClient
  config: AgentConfig
  nodeName: string
  nodeIp: string
  /** The CNI conf's path on the host; null: somebody else sees to it. */
  confFile: string | null
  signal: AbortSignal
  log: Log
}

/** Bytes of a VXLAN header over IPv4. */
const tunnelOverhead = 50
const neededCrds = ['ciliumnodes.cilium.io', 'ciliumendpoints.cilium.io', 'ciliumidentities.cilium.io']

/** Runs an agent until its signal aborts. Everything it made on the node stays then, but for the conf as configured. */
export async function runAgent({ api, config, nodeName, nodeIp, confFile, signal, log }: AgentOptions): Promise<void> {
  let ready = false
  await serveHealth(() => ready, signal)

  let request = (): void => undefined
  const watch = (path: string) => watched(api, path, signal, () => request())

  log('info', 'Waiting until all Cilium CRDs are available')
  const crds = watch(kube.crds)
  await crds.waitFor((items) =>
    neededCrds.every((name) => items.some(({ metadata }) => metadata.name === name)) ? true : undefined,
  )
  await ensureCiliumNode(api, nodeName, nodeIp)
  const ciliumNodes = watch(kube.ciliumNodes)
  log('info', 'Waiting for the operator to assign a pod range', { node: nodeName })
  const own = await ciliumNodes.waitFor((items) => {
    const view = items.map(viewOf).find(({ name }) => name === nodeName)
    return view?.podCidr === undefined ? undefined : { ...view, podCidr: view.podCidr }
  })
  const { podCidr } = own

  // The address of an earlier agent is kept: pods have it as their gateway.
  const earlier = [await hostAddress(), own.routerIp].find(
    (address) => address !== undefined && contains(podCidr, address),
  )
  const router = earlier ?? freeAddress(podCidr, new Set())
  if (router === null) throw new Error(`no address is free in ${podCidr}`)

  await mountBpf()
  await createMaps()
  const mtu = await deviceMtu(config.mtu, config.devices.split(/[\s,]+/).filter(Boolean), nodeIp)
  const isNative = config['routing-mode'] === 'native'
  const network = { mtu, routeMtu: isNative ? mtu : mtu - tunnelOverhead, router, withTunnel: !isNative }
  log('info', 'Inheriting MTU from external network interface', { mtu })
  await ensureHostPair(mtu)
  await setHostAddress(router)
  if (isNative) await removeTunnel()
  else await ensureTunnel(config['tunnel-port'], mtu)
  await attachNodePrograms(!isNative)
  if (config['enable-l7-proxy']) await ensureProxyRules()
  const keptInside = isNative ? config['ipv4-native-routing-cidr'] || podCidr : podCidr
  await installChains({ podCidr, router, masquerade: config['enable-ipv4-masquerade'], keptInside })

  const ciliumEndpoints = watch(kube.allCiliumEndpoints)
  const policies = watch(kube.networkPolicies)
  const services = watch(kube.services)
  const slices = watch(kube.endpointSlices)
  await Promise.all([ciliumEndpoints.synced, policies.synced, services.synced, slices.synced])

  const endpoints = new Endpoints({
    api,
    signal,
    log,
    nodeIp,
    podCidr,
    network,
    enforcement: config['policy-audit-mode'] ? 'never' : config['enable-policy'],
    reserved: [router],
    surroundings: () => ({
      policies: policies.items(),
      endpoints: ciliumEndpoints.items().flatMap((object) => endpointFromObject(object) ?? []),
      services: frontends(services.items(), slices.items()),
      cluster: ciliumNodes
        .items()
        .map(viewOf)
        .flatMap(({ podCidr: range, internalIp }) => [range, internalIp])
        .filter((entry) => entry !== undefined)
        .sort(),
    }),
  })
  await endpoints.restore()
  const health = config['enable-endpoint-health-checking'] ? endpoints.reserve() : null
  if (health !== null) await startHealthEndpoint(health, network, signal)
  await publishAddresses(api, nodeName, { nodeIp, router, health })

  let tunnelled: string[] = []
  const sync = async (): Promise<void> => {
    const remotes = ciliumNodes
      .items()
      .map(viewOf)
      .flatMap(({ name, podCidr: range, internalIp }) =>
        name === nodeName || range === undefined || internalIp === undefined
          ? []
          : [{ podCidr: range, nodeAddress: internalIp }],
      )
    await syncRoutes({
      router,
      podCidr,
      remotePodCidrs: isNative ? [] : remotes.map((one) => one.podCidr),
      direct: isNative && config['auto-direct-node-routes'] ? remotes : [],
      routeMtu: network.routeMtu,
    })
    const tunnel = await link('cilium_vxlan')
    if (tunnel !== undefined) {
      const gone = tunnelled.filter((range) => !remotes.some((one) => one.podCidr === range))
      await setTunnels(remotes, gone, tunnel.ifindex)
      tunnelled = remotes.map((one) => one.podCidr)
    }
    await endpoints.regenerate()
  }
  await sync()
  const loop = new SyncLoop(sync, {
    signal,
    everyMs: 60_000,
    gatherMs: 50,
    onError: (error) => log('warning', 'Unable to synchronise the datapath', { error }),
  })
  request = loop.request

  await serveCni(endpoints, network, signal, log)
  const conf: CniConf | null = confFile === null ? null : await manageConf(config, confFile, signal, log)
  ready = true
  log('info', 'Daemon initialization completed')
  await loop.ended
  await conf?.close()
}
