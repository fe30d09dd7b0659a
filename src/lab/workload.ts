import { stringify } from 'yaml'
import { FailedError } from '../errors.ts'
import { policiesOf } from './policies.ts'

/** A container's program. Only a real cluster runs `command`; the stand-in has a small TCP server for every port. */
interface Program {
  image: string
  command?: string[]
}

/** The images of the workload, in one place: a real cluster has other ones. No `dns`: K3s brings its own. */
export interface Images {
  server: Program
  job: Program
  dns?: Program
}

/** For the stand-in, or, from the images that the archives of a real K3s hold (`present`), for a real one. */
export function imagesOf(present?: readonly string[]): Images {
  if (present === undefined) {
    return {
      server: { image: 'docker.io/library/nginx:1.27.5-alpine' },
      job: { image: 'docker.io/library/busybox:1.37.0', command: ['true'] },
      dns: { image: 'docker.io/rancher/mirrored-coredns-coredns:1.12.3' },
    }
  }
  // K3s' air-gap archive holds one for its local-path helper.
  const image = present.find((name) => /busybox:/.test(name))
  if (image === undefined) {
    throw new FailedError('the images on the nodes hold no busybox to run the workload with', {
      next: "put K3s' own air-gap archive (k3s-airgap-images-*.tar.zst), or one with busybox, into the folder of --images",
    })
  }
  const serve = 'while :; do hostname | nc -l -p 8080; done'
  return { server: { image, command: ['sh', '-c', serve] }, job: { image, command: ['true'] } }
}

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  [key: string]: unknown
}

/** Namespaces in a ring: each one lets in the clients of the next. Two of them deny egress as well. */
const namespaces = ['shop', 'pay', 'data', 'edge'] as const
const closed: readonly string[] = ['pay', 'data']

const deployments = [
  { namespace: 'shop', app: 'web', role: 'server', replicas: 2 },
  { namespace: 'shop', app: 'cli', role: 'client', replicas: 1 },
  { namespace: 'pay', app: 'web', role: 'server', replicas: 1 },
  { namespace: 'pay', app: 'cli', role: 'client', replicas: 1 },
  { namespace: 'data', app: 'web', role: 'server', replicas: 1 },
  { namespace: 'edge', app: 'cli', role: 'client', replicas: 1 },
] as const

/** What runs on the practice cluster, as one YAML text for `kubectl apply -f -`, and how many pods it makes. */
export function workload(images: Images, nodeCount: number): { manifest: string; summary: string; pods: number } {
  const policies = namespaces.flatMap((namespace, index) => {
    const neighbour = namespaces[(index + 1) % namespaces.length] ?? namespace
    const specs = policiesOf(neighbour, namespace, closed.includes(namespace))
    return Object.entries(specs).map(
      ([name, spec]): Manifest => ({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name, namespace },
        spec,
      }),
    )
  })
  const objects: Manifest[] = [
    ...namespaces.map(
      (name): Manifest => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team: name } } }),
    ),
    ...(images.dns === undefined ? [] : dns(images.dns)),
    ...policies,
    ...deployments.map((one) => deployment(one.namespace, one.app, one.role, one.replicas, images.server)),
    probes(images.server),
    report(images.job),
    service('shop', 'ClusterIP'),
    service('pay', 'ClusterIP'),
    service('data', 'NodePort'),
  ]
  const pods = deployments.reduce((sum, one) => sum + one.replicas, 0) + nodeCount + (images.dns === undefined ? 0 : 1)
  return {
    manifest: objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n'),
    summary: `${pods} pods in ${namespaces.length} namespaces, ${policies.length} NetworkPolicies`,
    pods,
  }
}

function container(name: string, program: Program, ports: object[]): object {
  return { name, ...program, imagePullPolicy: 'IfNotPresent', ports }
}

function deployment(namespace: string, app: string, role: string, replicas: number, program: Program): Manifest {
  const labels = { app, role }
  const port = { name: 'web', containerPort: 8080, protocol: 'TCP' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels },
        // The practice pods have nothing to finish: a real one would otherwise be waited for 30 s.
        spec: { terminationGracePeriodSeconds: 1, containers: [container(app, program, [port])] },
      },
    },
  }
}

/** A pod on every node, with a hostPort: portmap's rules are among what a migration leaves behind. */
function probes(program: Program): Manifest {
  const labels = { app: 'probe', role: 'probe' }
  const port = { name: 'probe', containerPort: 8080, hostPort: 9100, protocol: 'TCP' }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'probe', namespace: 'edge', labels },
    spec: {
      selector: { matchLabels: { app: 'probe' } },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          tolerations: [{ operator: 'Exists' }],
          containers: [container('probe', program, [port])],
        },
      },
    },
  }
}

function report(program: Program): Manifest {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'report', namespace: 'data', labels: { app: 'report' } },
    spec: {
      schedule: '*/5 * * * *',
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        spec: {
          backoffLimit: 1,
          template: {
            metadata: { labels: { app: 'report' } },
            spec: { restartPolicy: 'Never', containers: [container('report', program, [])] },
          },
        },
      },
    },
  }
}

function service(namespace: string, type: 'ClusterIP' | 'NodePort'): Manifest {
  const port = { name: 'web', port: 80, targetPort: 8080, protocol: 'TCP' }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace, labels: { app: 'web' } },
    spec: {
      type,
      selector: { app: 'web' },
      ports: [type === 'NodePort' ? { ...port, nodePort: 30_080 } : port],
    },
  }
}

/** What K3s' packaged CoreDNS looks like from outside: labels, names, address. */
function dns(program: Program): Manifest[] {
  const labels = { 'k8s-app': 'kube-dns' }
  const ports = [
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
    { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
  ]
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'coredns', namespace: 'kube-system', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            priorityClassName: 'system-cluster-critical',
            tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
            containers: [container('coredns', program, ports)],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system', labels },
      spec: {
        selector: labels,
        clusterIP: '10.43.0.10',
        clusterIPs: ['10.43.0.10'],
        type: 'ClusterIP',
        ports: [
          { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, targetPort: 53, protocol: 'TCP' },
        ],
      },
    },
  ]
}
