import { createHash } from 'node:crypto'
import type { ApiObject } from '../../context.ts'
import { base32 } from '../base32.ts'
import type { UdpFront } from '../udp-flows.ts'

/** One port of a Service with an address, as kube-proxy programs it. */
export interface ServicePort {
  /** `namespace/name` or `namespace/name:port`. */
  name: string
  clusterIp: string
  protocol: string
  port: number
  nodePort: number | null
  /** `address:port` of the ready endpoints. */
  endpoints: string[]
}

function hash(text: string): string {
  return base32(createHash('sha256').update(text).digest(), 16)
}

export const serviceChain = (port: ServicePort): string => `KUBE-SVC-${hash(port.name + port.protocol)}`
export const externalChain = (port: ServicePort): string => `KUBE-EXT-${hash(port.name + port.protocol)}`
export const endpointChain = (port: ServicePort, endpoint: string): string =>
  `KUBE-SEP-${hash(port.name + port.protocol + endpoint)}`

interface SpecPort {
  name?: string
  protocol?: string
  port: number
  nodePort?: number
}

interface Slice {
  addressType?: string
  ports?: { name?: string; protocol?: string; port?: number }[] | null
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] | null
}

/** The service ports of a cluster with the ready endpoints of their EndpointSlices, in a stable order. */
export function servicePorts(services: readonly ApiObject[], slices: readonly ApiObject[]): ServicePort[] {
  const ports = services.flatMap((service) => {
    const clusterIp = service.spec?.clusterIP
    if (typeof clusterIp !== 'string' || clusterIp === '' || clusterIp === 'None') return []
    const key = `${service.metadata.namespace}/${service.metadata.name}`
    const own = slices.filter(
      (slice) =>
        slice.metadata.namespace === service.metadata.namespace &&
        slice.metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name,
    ) as unknown as Slice[]
    return ((service.spec?.ports ?? []) as SpecPort[]).map((port) => {
      const protocol = (port.protocol ?? 'TCP').toLowerCase()
      const endpoints = own.flatMap((slice) =>
        (slice.ports ?? [])
          .filter((one) => (one.name ?? '') === (port.name ?? '') && (one.protocol ?? 'TCP').toLowerCase() === protocol)
          .flatMap((one) =>
            (slice.endpoints ?? [])
              .filter((endpoint) => endpoint.conditions?.ready !== false)
              .flatMap((endpoint) => endpoint.addresses.map((address) => `${address}:${one.port}`)),
          ),
      )
      return {
        name: port.name === undefined || port.name === '' ? key : `${key}:${port.name}`,
        clusterIp,
        protocol,
        port: port.port,
        nodePort: port.nodePort ?? null,
        endpoints: [...new Set(endpoints)].sort(),
      }
    })
  })
  return ports.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export const udpFronts = (ports: readonly ServicePort[]): UdpFront[] =>
  ports
    .filter(({ protocol }) => protocol === 'udp')
    .map(({ clusterIp, port, endpoints }) => ({
      ...{ address: clusterIp, port },
      backends: endpoints.map((endpoint) => endpoint.slice(0, endpoint.lastIndexOf(':'))),
    }))
