import { extname, join } from 'node:path'
import { paths } from '../../context.ts'
import { repositoryOf } from '../runtime/images.ts'
import { type ContainerDefinition, type Pod, portNumber } from './pod.ts'

/** Zone file of the cluster's DNS, kept by the kubelet of each node. */
export const zoneFile = join(paths.runtime, 'zone')

const standin = join(import.meta.dirname, '../..')
const server = join(import.meta.dirname, '../programs/serve.pl')

const extension = extname(import.meta.filename)

/** Images whose program is a part of the stand-in, by repository. */
const nodePrograms: Record<string, string> = {
  'rancher/klipper-helm': 'helm/klipper-helm',
  'quay.io/cilium/cilium': 'cilium/agent',
  'quay.io/cilium/operator-generic': 'cilium/operator',
}

/** Commands of small images (busybox, alpine) that a node has too; everything else is a TCP server. */
const nodeCommands = new Set(['sh', 'true', 'false', 'sleep', 'echo', 'date'])

/** What runs for a container: argv in the pod's network namespace, on the node's own file system. */
export function programOf(pod: Pod, container: ContainerDefinition): string[] {
  const repository = repositoryOf(container.image)
  const command = [...(container.command ?? []), ...(container.args ?? [])]
  const own = nodePrograms[repository]
  if (own !== undefined) return [process.execPath, join(standin, own + extension), ...command]
  const ports = listeningPorts(container)
  const isDns = /(^|\/)(mirrored-)?coredns(-coredns)?$/.test(repository)
  if (!isDns && (container.ports ?? []).length === 0 && nodeCommands.has((command[0] ?? '').split('/').pop() ?? ''))
    return command
  return [
    'perl',
    server,
    '--name',
    pod.name,
    ...(isDns ? ['--dns', zoneFile] : []),
    ...(ports.length > 0 || isDns ? ports : [8080]).flatMap((port) => ['--tcp', String(port)]),
  ]
}

function listeningPorts(container: ContainerDefinition): number[] {
  const declared = (container.ports ?? [])
    .filter((port) => (port.protocol ?? 'TCP') === 'TCP')
    .map((port) => port.containerPort)
  const probe = container.readinessProbe?.httpGet ?? container.readinessProbe?.tcpSocket
  const probed = probe === undefined ? null : portNumber(container, probe.port)
  return [...new Set([...declared, ...(probed === null ? [] : [probed])])]
}
