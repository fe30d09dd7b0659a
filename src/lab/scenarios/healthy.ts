import type { Images } from '../images.ts'
import {
  clusterDns,
  cronJob,
  daemonSet,
  deployment,
  type Manifest,
  namespace,
  policy,
  server,
  service,
} from './manifests.ts'
import { policiesOf } from './ring-policies.ts'
import type { Scenario } from './scenario.ts'

/** Namespaces in a ring: each one lets in the clients of the next. Two of them deny egress as well. */
const namespaces = ['shop', 'pay', 'data', 'edge'] as const
const closed: readonly string[] = ['pay', 'data']

const deployments = [
  { namespace: 'shop', name: 'web', labels: { role: 'server' }, replicas: 2 },
  { namespace: 'shop', name: 'cli', labels: { role: 'client' } },
  { namespace: 'pay', name: 'web', labels: { role: 'server' } },
  { namespace: 'pay', name: 'cli', labels: { role: 'client' } },
  { namespace: 'data', name: 'web', labels: { role: 'server' } },
  { namespace: 'edge', name: 'cli', labels: { role: 'client' } },
] as const

/** A dozen pods in four namespaces behind sixty policies: nothing is wrong with it. */
export function ringWorkload(images: Images): Manifest[] {
  const port = { port: 80, targetPort: 8080 }
  return [
    ...namespaces.map((name) => namespace(name, { team: name })),
    ...clusterDns(images.dns),
    ...namespaces.flatMap((name, index) => {
      const neighbour = namespaces[(index + 1) % namespaces.length] ?? name
      const specs = policiesOf(neighbour, name, closed.includes(name))
      return Object.entries(specs).map(([title, spec]) => policy(name, title, spec))
    }),
    ...deployments.map((one) => deployment(one, [server(one.name, images.server)])),
    // On every node, with a hostPort: portmap's rules are among what a migration leaves behind.
    daemonSet({ namespace: 'edge', name: 'probe', labels: { role: 'probe' } }, [
      server('probe', images.server, [{ name: 'probe', containerPort: 8080, hostPort: 9100, protocol: 'TCP' }]),
    ]),
    cronJob({ namespace: 'data', name: 'report', schedule: '*/5 * * * *' }, images.job),
    service({ namespace: 'shop', name: 'web' }, [port]),
    service({ namespace: 'pay', name: 'web' }, [port]),
    service({ namespace: 'data', name: 'web' }, [{ ...port, nodePort: 30_080 }]),
  ]
}

/** Those of the Deployments, a probe on every node, and DNS. */
export const ringPods = (nodeCount: number, images: Images): number =>
  deployments.reduce((sum, one) => sum + ('replicas' in one ? one.replicas : 1), nodeCount) +
  (images.dns === undefined ? 0 : 1)

export const healthy: Scenario = {
  is: 'nothing is wrong with it',
  leastNodes: 1,
  real: true,
  workload: (nodes, images) => ({ objects: ringWorkload(images), pods: ringPods(nodes.length, images) }),
}
