import { writeFile } from 'node:fs/promises'
import type { Informer, NodeContext } from '../context.ts'
import { cniDirectories, installPlugins, writeContainerdConfig } from './cni/directories.ts'
import { PodNetwork } from './cni/network.ts'
import { writeWhole } from './files.ts'
import { startFlannel, writeFlannelFiles } from './flannel/flannel.ts'
import { startProxy } from './kube-proxy/proxy.ts'
import { startPolicyController } from './kube-router/controller.ts'
import { Kubelet } from './kubelet/kubelet.ts'
import { zoneFile } from './kubelet/programs.ts'
import { networkNotReady } from './kubelet/worker.ts'
import { zoneText } from './kubelet/zone.ts'
import { Runtime } from './runtime/runtime.ts'
import { serveRuntime } from './runtime/server.ts'
import { SyncLoop } from './tasks.ts'

export interface NodeServices {
  /** The Ready condition of this node, as of the last look at the CNI conf directory (1 s). */
  conditions(): { ready: boolean; reason: string; message: string }
  /** Waits until nothing is being changed any more; what runs on the node stays as it is. Abort the context's signal first. */
  stop(): Promise<void>
}

/** What the kubelet needs of the kernel: forwarding, and iptables for traffic that a bridge switches. */
const sysctls = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/forwarding',
  'net/bridge/bridge-nf-call-iptables',
  'net/bridge/bridge-nf-call-ip6tables',
]

/** Starts containerd's, the kubelet's, kube-proxy's, flannel's and the policy controller's parts on this node. */
export async function startNodeServices(context: NodeContext): Promise<NodeServices> {
  const { api, signal, log, cluster } = context
  // Where a module is missing (br_netfilter) K3s warns and goes on.
  for (const name of sysctls) {
    await writeFile(`/proc/sys/${name}`, '1').catch((error) => log('warning', `Failed to set sysctl: ${error}`))
  }
  await installPlugins()
  await writeContainerdConfig(cluster.flannelBackend)
  if (cluster.flannelBackend !== 'none') await writeFlannelFiles(cluster.clusterCidr)

  const listeners = new Map<string, Set<() => void>>()
  const watch = (path: string): Informer => {
    const own = new Set<() => void>()
    listeners.set(path, own)
    const onChange = (): void => {
      for (const listener of own) listener()
    }
    return api.informer(path, { signal, onChange })
  }
  const on = (path: string, listener: () => void): void => {
    listeners.get(path)?.add(listener)
  }
  const podsPath = '/api/v1/pods'
  const nodesPath = '/api/v1/nodes'
  const servicesPath = '/api/v1/services'
  const slicesPath = '/apis/discovery.k8s.io/v1/endpointslices'
  const policiesPath = '/apis/networking.k8s.io/v1/networkpolicies'
  const namespacesPath = '/api/v1/namespaces'
  const pods = watch(podsPath)
  const services = watch(servicesPath)
  const slices = watch(slicesPath)

  const network = new PodNetwork(cniDirectories(cluster.flannelBackend))
  let kubelet: Kubelet | undefined
  const runtime = new Runtime(network, () => kubelet?.onRuntime())
  await runtime.adopt()
  const server = await serveRuntime(runtime)
  kubelet = new Kubelet(context, runtime, pods)

  let networkReady = await network.isReady()
  const conf = new SyncLoop(
    async () => {
      const ready = await network.isReady()
      if (ready && !networkReady) kubelet.onRuntime()
      networkReady = ready
    },
    { signal, everyMs: 1000, gatherMs: 0, onError: (error) => log('error', `Failed to load CNI config: ${error}`) },
  )

  if (cluster.flannelBackend !== 'none') {
    const nodes = watch(nodesPath)
    // Not awaited: flannel waits for its subnet, which somebody else gives out, and pods on the host's network do not need it.
    startFlannel(context, nodes, (sync) => on(nodesPath, sync)).catch((error) => {
      if (signal.aborted) return
      context.fatal(`flannel exited: ${error instanceof Error ? error.message : error}`)
    })
  }
  if (!cluster.disableKubeProxy) {
    const proxy = await startProxy(context, services, slices)
    on(servicesPath, proxy.onServices)
    on(slicesPath, proxy.onSlices)
  }
  const zone = new SyncLoop(
    async () => {
      await Promise.all([services.synced, slices.synced])
      await writeWhole(zoneFile, zoneText(services.items(), slices.items(), cluster.clusterDomain))
    },
    {
      signal,
      everyMs: 60_000,
      gatherMs: 100,
      onError: (error) => log('error', `Failed to write the DNS zone: ${error}`),
    },
  )
  on(servicesPath, zone.request)
  on(slicesPath, zone.request)

  await kubelet.start()
  on(podsPath, kubelet.onPods)

  if (!cluster.disableNetworkPolicy) {
    const policies = watch(policiesPath)
    const namespaces = watch(namespacesPath)
    const sync = await startPolicyController(context, { pods, policies, namespaces })
    for (const path of [podsPath, policiesPath, namespacesPath]) on(path, sync)
  }

  return {
    conditions: () =>
      networkReady
        ? { ready: true, reason: 'KubeletReady', message: 'kubelet is posting ready status' }
        : { ready: false, reason: 'KubeletNotReady', message: networkNotReady },
    stop: async () => {
      server.close()
      await Promise.all([conf.ended, zone.ended])
    },
  }
}
