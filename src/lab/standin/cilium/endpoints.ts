import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient, ApiObject } from '../context.ts'
import { isMissing } from '../node/files.ts'
import { forgetStaleUdpFlows } from '../node/udp-flows.ts'
import { freeAddress } from './addresses.ts'
import { attachPodPrograms } from './bpf.ts'
import { ciliumEndpoint, publishEndpoint, withdrawEndpoint } from './cilium-endpoint.ts'
import { type EndpointRecord, loadRecords, removeRecord, saveRecord } from './endpoint-record.ts'
import { identityAllocator } from './identities.ts'
import { type Endpoint, endpointFromLabels, identityLabels, namedPorts } from './identity.ts'
import { namespaces, pods } from './kube-paths.ts'
import type { Log } from './log.ts'
import { enterPods, loadPodTable, type PodNetwork, randomMac, stillWired, unwirePod, wirePod } from './pod-network.ts'
import { type Enforcement, type Verdict, verdict } from './policy/rules.ts'
import { type Frontend, udpFronts } from './policy/services.ts'
import { renderTable } from './policy/table.ts'

/** What the rest of the cluster looks like at a moment, for the tables of this node's pods. */
export interface Surroundings {
  policies: readonly ApiObject[]
  /** Endpoints of all nodes. */
  endpoints: readonly Endpoint[]
  services: readonly Frontend[]
  cluster: readonly string[]
}

export interface EndpointsOptions {
  api: ApiClient
  signal: AbortSignal
  log: Log
  nodeIp: string
  podCidr: string
  network: PodNetwork
  enforcement: Enforcement
  /** Addresses of the range that are no pod's: the router's. */
  reserved: readonly string[]
  surroundings: () => Surroundings
}

export interface AddRequest {
  containerId: string
  netns: string
  interfaceName: string
  namespace: string
  pod: string
}

/** How long ADD waits for the pod's labels before the endpoint goes on as `init`. */
const labelsTimeoutMs = 2000
const retryMs = 1000

/** The pods of this node that hang on Cilium. */
export class Endpoints {
  private readonly options: EndpointsOptions
  private readonly byContainer = new Map<string, EndpointRecord>()
  private readonly taken: Set<string>
  private readonly applied = new Map<string, string>()
  private readonly published = new Map<string, string>()
  /** The UDP fronts, as text, that no pod has stale flows to. */
  private withoutStaleFlows = ''
  private readonly identityOf: (labels: Record<string, string>) => Promise<number>

  constructor(options: EndpointsOptions) {
    this.options = options
    this.taken = new Set(options.reserved)
    this.identityOf = identityAllocator(options.api)
  }

  /** Takes over what an earlier agent left; endpoints whose pod is gone are dropped. */
  async restore(): Promise<void> {
    for (const endpoint of await loadRecords()) {
      if (await stillWired(endpoint)) {
        this.byContainer.set(endpoint.containerId, endpoint)
        this.taken.add(endpoint.address)
      } else await removeRecord(endpoint.id)
    }
    const restored = [...this.byContainer.values()]
    await enterPods(restored)
    await attachPodPrograms(restored, this.options.network.withTunnel)
    this.options.log('info', 'Endpoints restored', { restored: this.byContainer.size })
  }

  /** An address for somebody who is no pod. */
  reserve(): string {
    const address = freeAddress(this.options.podCidr, this.taken)
    if (address === null)
      throw new Error(`Unable to allocate IP via local cilium agent: no address is free in ${this.options.podCidr}`)
    this.taken.add(address)
    return address
  }

  async add(request: AddRequest): Promise<EndpointRecord> {
    const present = this.byContainer.get(request.containerId)
    if (present !== undefined) return present
    const address = this.reserve()
    const endpoint: EndpointRecord = {
      ...request,
      id: randomInt(1, 4096),
      podUid: null,
      link: `lxc${randomBytes(6).toString('hex')}`,
      linkMac: randomMac(),
      podMac: randomMac(),
      address,
      labels: null,
      identity: 0,
      podLabels: {},
      namedPorts: [],
    }
    try {
      const [labelled] = await Promise.all([
        this.label(endpoint, AbortSignal.timeout(labelsTimeoutMs)),
        wirePod(endpoint, request.interfaceName, this.options.network),
      ])
      // The table is in place before the pod's first packet.
      await this.applyTable(labelled)
      await saveRecord(labelled)
      this.byContainer.set(request.containerId, labelled)
      this.keepPublished(labelled)
      return labelled
    } catch (error) {
      await unwirePod(endpoint)
      this.taken.delete(address)
      throw error
    }
  }

  async remove(containerId: string): Promise<void> {
    const endpoint = this.byContainer.get(containerId)
    if (endpoint === undefined) return
    this.byContainer.delete(containerId)
    this.applied.delete(containerId)
    this.published.delete(containerId)
    await unwirePod(endpoint)
    await removeRecord(endpoint.id)
    this.taken.delete(endpoint.address)
    // The object goes by its owner anyway when the API does not answer now.
    await withdrawEndpoint(this.options.api, endpoint).catch((error: unknown) =>
      this.options.log('warning', 'Unable to delete CiliumEndpoint', { error, pod: endpoint.pod }),
    )
  }

  /** Brings every pod's table, and what the API says of it, to the present surroundings. */
  async regenerate(): Promise<void> {
    await this.forEach('Regeneration of endpoint failed', async (endpoint) => {
      await this.applyTable(endpoint)
      this.keepPublished(endpoint)
    })
    const fronts = udpFronts(this.options.surroundings().services)
    const text = JSON.stringify(fronts)
    if (text === this.withoutStaleFlows) return
    await this.forEach('Unable to forget stale flows', ({ netns }) => forgetStaleUdpFlows(fronts, netns))
    this.withoutStaleFlows = text
  }

  private async forEach(failure: string, work: (endpoint: EndpointRecord) => Promise<void>): Promise<void> {
    await Promise.all(
      [...this.byContainer.values()].map(async (endpoint) => {
        try {
          await work(endpoint)
        } catch (error) {
          // Its namespace may be going at this moment: DEL comes.
          if (!isMissing(error)) this.options.log('warning', failure, { error, pod: endpoint.pod })
        }
      }),
    )
  }

  private view(endpoint: EndpointRecord): Endpoint {
    return endpointFromLabels(endpoint.labels ?? {}, {
      namespace: endpoint.namespace,
      name: endpoint.pod,
      address: endpoint.address,
      namedPorts: endpoint.namedPorts,
    })
  }

  private verdictOf(endpoint: EndpointRecord): Verdict {
    const { enforcement, surroundings } = this.options
    if (enforcement === 'never') return { ingress: null, egress: null }
    // Identity `init`: who it is is not known, so nothing is allowed yet.
    if (endpoint.labels === null) return { ingress: [], egress: [] }
    const local = [...this.byContainer.values()].map((one) => this.view(one))
    const remote = surroundings().endpoints.filter(({ address }) => !local.some((one) => one.address === address))
    return verdict(this.view(endpoint), surroundings().policies, [...local, ...remote], enforcement)
  }

  private async applyTable(endpoint: EndpointRecord): Promise<void> {
    const { services, cluster } = this.options.surroundings()
    const table = renderTable({ verdict: this.verdictOf(endpoint), services, cluster, hostMac: endpoint.linkMac })
    if (this.applied.get(endpoint.containerId) === table) return
    await loadPodTable(endpoint.netns, table)
    this.applied.set(endpoint.containerId, table)
  }

  /** The endpoint with its pod's labels, as far as the API tells them in time. */
  private async label(endpoint: EndpointRecord, signal: AbortSignal): Promise<EndpointRecord> {
    const { api } = this.options
    const late = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }))
    const read = Promise.all([
      api.get(`${pods(endpoint.namespace)}/${endpoint.pod}`),
      api.get(`${namespaces}/${endpoint.namespace}`),
    ]).catch((error: unknown) => {
      this.options.log('warning', 'Unable to fetch kubernetes labels', { error, pod: endpoint.pod })
      return null
    })
    const found = await Promise.race([read, late])
    if (found === null) return endpoint
    const [pod, namespace] = found
    return {
      ...endpoint,
      podUid: pod.metadata.uid ?? null,
      podLabels: pod.metadata.labels ?? {},
      labels: identityLabels(pod, namespace.metadata.labels ?? {}),
      namedPorts: namedPorts(pod),
    }
  }

  private keepPublished(endpoint: EndpointRecord): void {
    const { signal, log } = this.options
    const current = () => !signal.aborted && this.byContainer.get(endpoint.containerId) === endpoint
    void (async () => {
      while (current()) {
        try {
          if (await this.publish(endpoint)) return
        } catch (error) {
          log('warning', 'Unable to update CiliumEndpoint', { error, pod: endpoint.pod })
        }
        // As a real agent's controller: again until the API has it.
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    })()
  }

  /** False while the pod's labels are not known: nothing can be said of the endpoint before. */
  private async publish(endpoint: EndpointRecord): Promise<boolean> {
    if (endpoint.labels === null) {
      const labelled = await this.label(endpoint, AbortSignal.timeout(labelsTimeoutMs))
      if (labelled.labels === null || this.byContainer.get(endpoint.containerId) !== endpoint) return false
      this.byContainer.set(endpoint.containerId, labelled)
      await saveRecord(labelled)
      await this.applyTable(labelled)
      this.keepPublished(labelled)
      return true
    }
    const identity = await this.identityOf(endpoint.labels)
    if (endpoint.identity !== identity) {
      await attachPodPrograms([{ ...endpoint, identity }], this.options.network.withTunnel)
      endpoint.identity = identity
      await saveRecord(endpoint)
    }
    const object = ciliumEndpoint({
      endpoint,
      verdict: this.verdictOf(endpoint),
      nodeIp: this.options.nodeIp,
    })
    const text = JSON.stringify(object)
    if (this.published.get(endpoint.containerId) === text) return true
    await publishEndpoint(this.options.api, object)
    this.published.set(endpoint.containerId, text)
    return true
  }
}
