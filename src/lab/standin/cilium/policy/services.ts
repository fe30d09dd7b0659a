import type { ApiObject } from '../../context.ts'
import type { UdpFront } from '../../node/udp-flows.ts'

/** A Service's front: `address . protocol . port`, and where its connections go. */
export interface Frontend {
  address: string
  protocol: string
  port: number
  backends: { address: string; port: number }[]
}

interface Slice extends ApiObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[]
  ports?: { name?: string; port: number; protocol?: string }[]
}

/** ClusterIPs of the cluster: Cilium's own load balancing, at the pod's edge, whether kube-proxy is there or not. */
export function frontends(services: readonly ApiObject[], slices: readonly ApiObject[]): Frontend[] {
  return services.flatMap((service) => {
    const address: unknown = service.spec?.clusterIP
    if (typeof address !== 'string' || !/^\d+\.\d+\.\d+\.\d+$/.test(address)) return []
    const own = (slices as readonly Slice[]).filter(
      ({ metadata }) =>
        metadata.namespace === service.metadata.namespace &&
        metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name,
    )
    const ports: { name?: string; port: number; protocol?: string }[] = service.spec.ports ?? []
    return ports.map(({ name = '', port, protocol = 'TCP' }) => ({
      address,
      protocol: protocol.toLowerCase(),
      port,
      backends: own
        .flatMap((slice) => {
          const target = (slice.ports ?? []).find(
            (candidate) => (candidate.name ?? '') === name && (candidate.protocol ?? 'TCP') === protocol,
          )
          if (target === undefined) return []
          return (slice.endpoints ?? [])
            .filter(({ conditions }) => conditions?.ready !== false)
            .flatMap(({ addresses }) => addresses.map((backend) => ({ address: backend, port: target.port })))
        })
        .sort((a, b) => (a.address < b.address ? -1 : 1)),
    }))
  })
}

export const udpFronts = (services: readonly Frontend[]): UdpFront[] =>
  services
    .filter(({ protocol }) => protocol === 'udp')
    .map(({ address, port, backends }) => ({ address, port, backends: backends.map((backend) => backend.address) }))
