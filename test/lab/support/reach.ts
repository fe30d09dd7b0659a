import { z } from 'zod'
import type { Lab } from '../../../src/lab/lab.ts'
import type { ClusterObject } from './lab-access.ts'

/** All connections of one network namespace at once: `id address port` a line on stdin, `id yes|no` a line on stdout. */
const connect = `
use Socket; use IO::Select; use Errno qw(EINPROGRESS);
my ($select, %ids) = IO::Select->new;
while (<STDIN>) {
  my ($id, $address, $port) = split;
  socket(my $socket, PF_INET, SOCK_STREAM, 0) or die $!;
  $socket->blocking(0);
  $ids{fileno $socket} = $id;
  connect($socket, pack_sockaddr_in($port, inet_aton($address))) or $! == EINPROGRESS or next;
  $select->add($socket);
}
my ($end, %yes) = time + 4;
while ($select->count and time < $end) {
  for my $socket ($select->can_write($end - time)) {
    $yes{$ids{fileno $socket}} = 1 if unpack("i", getsockopt($socket, SOL_SOCKET, SO_ERROR)) == 0;
    $select->remove($socket);
  }
}
my %all = map { $_ => 1 } values %ids;
print "$_ ", ($yes{$_} ? "yes" : "no"), "\\n" for sort keys %all;
`

const podSchema = z.looseObject({
  spec: z.looseObject({
    nodeName: z.string(),
    hostNetwork: z.boolean().default(false),
    containers: z.array(
      z.looseObject({ ports: z.array(z.looseObject({ containerPort: z.number(), protocol: z.string() })).default([]) }),
    ),
  }),
  status: z.looseObject({ podIP: z.string() }),
})
const serviceSchema = z.looseObject({
  spec: z.looseObject({
    clusterIP: z.string(),
    ports: z.array(
      z.looseObject({ port: z.number(), nodePort: z.number().optional(), protocol: z.string().default('TCP') }),
    ),
  }),
})
const sandboxSchema = z.looseObject({
  status: z.looseObject({
    state: z.string(),
    metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  }),
  info: z.looseObject({
    runtimeSpec: z.looseObject({
      linux: z.looseObject({ namespaces: z.array(z.looseObject({ type: z.string(), path: z.string().optional() })) }),
    }),
  }),
})

interface Destination {
  id: string
  address: string
  port: number
}

/** Which backend a Service gives is chance, and policy may admit some of them only: tried often, the answer is the same. */
const tries = 12

/** Every pod of the workload, Service, node port and hostPort. */
function destinations(lab: Lab, objects: readonly ClusterObject[]): Destination[] {
  const name = ({ metadata }: ClusterObject) => `${metadata.namespace}/${metadata.name}`
  const pods = objects.flatMap((object): Destination[] => {
    if (object.kind !== 'Pod') return []
    const pod = podSchema.safeParse(object)
    if (!pod.success || pod.data.spec.hostNetwork) return []
    const port = pod.data.spec.containers.flatMap(({ ports }) => ports).find(({ protocol }) => protocol === 'TCP')
    return port ? [{ id: name(object), address: pod.data.status.podIP, port: port.containerPort }] : []
  })
  const services = objects.flatMap((object): Destination[] => {
    if (object.kind !== 'Service') return []
    const { clusterIP, ports } = serviceSchema.parse(object).spec
    return ports
      .filter(({ protocol }) => protocol === 'TCP')
      .flatMap(({ port, nodePort }) => [
        ...(clusterIP === 'None' ? [] : [{ id: `service:${name(object)}:${port}`, address: clusterIP, port }]),
        ...(nodePort === undefined
          ? []
          : lab.nodes.map((node) => ({
              id: `nodeport:${node.name}:${nodePort}`,
              address: node.address,
              port: nodePort,
            }))),
      ])
  })
  // As the workload's DaemonSet has it.
  const hostPorts = lab.nodes.map((node) => ({ id: `hostport:${node.name}`, address: node.address, port: 9100 }))
  return [...pods, ...services.flatMap((one) => Array.from({ length: tries }, () => one)), ...hostPorts]
}

async function sourcesOn(lab: Lab, node: string): Promise<{ id: string; netns: string }[]> {
  const { stdout } = await lab.exec(node, [
    'sh',
    '-c',
    'k3s crictl inspectp -o json $(k3s crictl pods -q --state Ready)',
  ])
  // crictl prints several objects one after the other, or, newer ones, a list.
  const text = stdout.trim().startsWith('[') ? stdout : `[${stdout.trim().replaceAll(/^}\s*^{/gm, '},{')}]`
  return z
    .array(sandboxSchema)
    .parse(JSON.parse(text))
    .flatMap(({ status, info }) => {
      const netns = info.runtimeSpec.linux.namespaces.find(({ type }) => type === 'network')?.path
      return netns ? [{ id: `${status.metadata.namespace}/${status.metadata.name}`, netns }] : []
    })
}

/** Who reaches whom with a new connection, from inside every pod and from every node: `source > destination: yes|no`. */
export async function reachMatrix(lab: Lab, objects: readonly ClusterObject[]): Promise<string[]> {
  const to = destinations(lab, objects)
  const stdin = to.map(({ id, address, port }) => `${id} ${address} ${port}\n`).join('')
  const perNode = await Promise.all(
    lab.nodes.map(async ({ name }) => {
      const sources = [{ id: `node:${name}`, netns: '/proc/1/ns/net' }, ...(await sourcesOn(lab, name))]
      const answers = await Promise.all(
        sources.map(async ({ id, netns }) => {
          const done = await lab.exec(name, ['nsenter', `--net=${netns}`, 'perl', '-e', connect], { stdin })
          if (done.code !== 0) throw new Error(`${name}: connecting from ${id}: ${done.stderr}`)
          return done.stdout
            .trim()
            .split('\n')
            .map((line) => `${id} > ${line.replace(/ (yes|no)$/, ': $1')}`)
        }),
      )
      return answers.flat()
    }),
  )
  return perNode.flat().sort()
}
