import { extname, join } from 'node:path'
import { paths } from '../../context.ts'
import { repositoryOf } from '../runtime/images.ts'
import { type ContainerDefinition, type Pod, portNumber } from './pod.ts'

/** Zone file of the cluster's DNS, kept by the kubelet of each node. */
export const zoneFile = join(paths.runtime, 'zone')

const standin = join(import.meta.dirname, '../..')
const programs = join(import.meta.dirname, '../programs')
const server = join(programs, 'serve.pl')

const extension = extname(import.meta.filename)

/** Images whose program is a part of the stand-in, by repository. */
const nodePrograms: Record<string, string> = {
  'rancher/klipper-helm': 'helm/klipper-helm',
  'quay.io/cilium/cilium': 'cilium/agent',
  'quay.io/cilium/operator-generic': 'cilium/operator',
}

/** Images whose program is one of its own in `programs`, by repository. Each knows what serve.pl is given, and its container's env. */
const perlPrograms: Record<string, string> = {
  'ghcr.io/home-assistant/home-assistant': 'home-assistant.pl',
  'registry.k8s.io/ingress-nginx/controller': 'ingress.pl',
}

/** Commands of small images (busybox, alpine) that a node has too; everything else is a TCP server. */
const nodeCommands = new Set(['sh', 'bash', 'true', 'false', 'sleep', 'echo', 'date'])

/** What runs for a container: argv in the pod's network namespace, on the node's own file system. */
export function programOf(pod: Pod, container: ContainerDefinition): string[] {
  const repository = repositoryOf(container.image)
  const command = [...(container.command ?? []), ...(container.args ?? [])]
  const own = nodePrograms[repository]
  if (own !== undefined) return [process.execPath, join(standin, own + extension), ...command]
  const ports = listeningPorts(container)
  const isDns = /(^|\/)(mirrored-)?coredns(-coredns)?$/.test(repository)
  // A chart's shell around a server is not run; busybox is no server, whatever ports its container declares.
  const mayBeCommand = repository === 'busybox' || (!isDns && (container.ports ?? []).length === 0)
  if (mayBeCommand && nodeCommands.has((command[0] ?? '').split('/').pop() ?? '')) return command
  const perl = perlPrograms[repository]
  return [
    'perl',
    perl === undefined ? server : join(programs, perl),
    '--name',
    pod.name,
    ...(isDns ? ['--dns', zoneFile] : perl === undefined ? [] : ['--zone', zoneFile]),
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
