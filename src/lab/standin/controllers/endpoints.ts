import { isReady } from '../api/disruption.ts'
import { matchesSelector } from '../api/selectors.ts'
import type { ApiObject } from '../context.ts'
import { type Action, isActive, ownerOf, target, type View } from './model.ts'

interface Address {
  ip: string
  nodeName?: string
  ready: boolean
  pod?: ApiObject
}
interface Port {
  name: string
  port: number
  protocol: string
}

/** An EndpointSlice and an Endpoints object for each Service with a selector. */
export function endpoints(view: View): Action[] {
  return view
    .all('services')
    .filter((service) => service.spec.selector && service.metadata.deletionTimestamp === undefined)
    .flatMap((service) => {
      const pods = view
        .all('pods')
        .filter(
          (pod) =>
            pod.metadata.namespace === service.metadata.namespace &&
            matchesSelector({ matchLabels: service.spec.selector }, pod.metadata.labels) &&
            isActive(pod) &&
            pod.status?.podIP,
        )
      const addresses = pods.map((pod) => ({
        ip: pod.status.podIP,
        nodeName: pod.spec.nodeName,
        ready: isReady(pod),
        pod,
      }))
      const ports = (service.spec.ports ?? []).map((port: ServicePort) => ({
        name: port.name ?? '',
        protocol: port.protocol,
        port: numberOf(port, pods[0]),
      }))
      return publish(view, service, addresses, ports)
    })
}

interface ServicePort {
  name?: string
  protocol: string
  port: number
  targetPort: number | string
}

function numberOf(port: ServicePort, pod: ApiObject | undefined): number {
  if (typeof port.targetPort === 'number') return port.targetPort
  const declared: { name?: string; containerPort: number }[] = (pod?.spec.containers ?? []).flatMap(
    (container: { ports?: object[] }) => container.ports ?? [],
  )
  return declared.find((one) => one.name === port.targetPort)?.containerPort ?? port.port
}

/** The API servers that have renewed their lease lately, behind the Service `default/kubernetes`. */
export function apiServerEndpoints(view: View): Action[] {
  const service = view
    .all('services')
    .find((one) => one.metadata.namespace === 'default' && one.metadata.name === 'kubernetes')
  if (!service) return []
  const alive = view.all('masterleases').filter((lease) => Date.parse(lease.renewTime) + 15_000 > view.now.getTime())
  const addresses = alive.map((lease) => ({ ip: lease.metadata.name, ready: true }))
  return publish(view, service, addresses, [{ name: 'https', port: 6443, protocol: 'TCP' }])
}

function publish(view: View, service: ApiObject, unsorted: Address[], ports: readonly Port[]): Action[] {
  const addresses = unsorted.toSorted((one, two) => one.ip.localeCompare(two.ip))
  const { name, namespace = '' } = service.metadata
  const slices = view
    .all('endpointslices')
    .filter(
      (slice) =>
        slice.metadata.labels?.['kubernetes.io/service-name'] === name && slice.metadata.namespace === namespace,
    )
  const wanted = {
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({
      addresses: [address.ip],
      conditions: { ready: address.ready, serving: address.ready, terminating: false },
      ...(address.nodeName === undefined ? {} : { nodeName: address.nodeName }),
      ...(address.pod === undefined ? {} : { targetRef: referenceTo(address.pod) }),
    })),
    ports,
  }
  const old = view.all('endpoints').find((one) => one.metadata.name === name && one.metadata.namespace === namespace)
  const subset = (ready: boolean) =>
    addresses
      .filter((address) => address.ready === ready)
      .map((address) => ({
        ip: address.ip,
        ...(address.nodeName === undefined ? {} : { nodeName: address.nodeName }),
        ...(address.pod === undefined ? {} : { targetRef: referenceTo(address.pod) }),
      }))
  const [ready, waiting] = [subset(true), subset(false)]
  const subsets =
    addresses.length === 0
      ? []
      : [
          {
            ...(ready.length > 0 ? { addresses: ready } : {}),
            ...(waiting.length > 0 ? { notReadyAddresses: waiting } : {}),
            ports,
          },
        ]
  return [
    ...write('endpointslices', slices[0], wanted, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name:
          namespace === 'default' && name === 'kubernetes'
            ? name
            : `${name}-${(service.metadata.uid ?? '').slice(0, 5)}`,
        namespace,
        labels: {
          'kubernetes.io/service-name': name,
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        ownerReferences: ownerOf(service),
      },
    }),
    ...write(
      'endpoints',
      old,
      { subsets },
      { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace, ownerReferences: ownerOf(service) } },
    ),
  ]
}

const referenceTo = (pod: ApiObject) => ({ kind: 'Pod', ...target(pod), uid: pod.metadata.uid })

function write(
  collection: string,
  old: ApiObject | undefined,
  content: Record<string, unknown>,
  frame: ApiObject,
): Action[] {
  if (!old) return [{ do: 'create', collection, object: { ...frame, ...content } }]
  const same = Object.entries(content).every(([key, value]) => JSON.stringify(value) === JSON.stringify(old[key]))
  return same ? [] : [{ do: 'merge', collection, ...target(old), patch: content }]
}
