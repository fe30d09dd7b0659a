import type { Facts } from '../../src/facts/facts.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'

export interface PodSpec {
  namespace: string
  name: string
  node: string
  ip?: string
  ports?: number[]
  owner?: string
  hostNetwork?: boolean
  netns?: string | null
}

/** Facts with what the probes look at: pods and their sandboxes, services, policies. */
export function clusterFacts(pods: readonly PodSpec[], options: { policies?: string[]; nodes?: string[] } = {}): Facts {
  const names = [...new Set([...(options.nodes ?? []), ...pods.map((pod) => pod.node)])]
  const ip = (index: number) => `10.42.${Math.floor(index / 200)}.${(index % 200) + 2}`
  const nodes = Object.fromEntries(
    names.map((name) => [
      name,
      {
        name,
        address: '192.0.2.1',
        sandboxes: pods.flatMap((pod, index) =>
          pod.node === name
            ? [
                {
                  id: `s${index}`,
                  namespace: pod.namespace,
                  name: pod.name,
                  uid: `u${index}`,
                  ready: true,
                  createdMs: 1000,
                  netns: pod.hostNetwork ? null : pod.netns === undefined ? `/run/netns/cni-${index}` : pod.netns,
                  ip: pod.ip ?? ip(index),
                },
              ]
            : [],
        ),
      },
    ]),
  )
  const kube = {
    pods: pods.map((pod, index) => ({
      ...pod,
      uid: `u${index}`,
      phase: 'Running',
      ip: pod.ip ?? ip(index),
      hostNetwork: pod.hostNetwork ?? false,
      ready: true,
      owner: pod.owner ?? null,
      labels: {},
      ports: pod.ports ?? [8080],
      hostPorts: [],
      waiting: null,
      restarts: 0,
      startedMs: null,
    })),
    policies: (options.policies ?? []).map((namespace) => ({
      namespace,
      name: 'p',
      spec: policySpecSchema.parse({}),
    })),
    services: [
      { namespace: 'kube-system', name: 'kube-dns', clusterIp: '10.43.0.10', ports: [{ protocol: 'UDP', port: 53 }] },
      { namespace: 'shop', name: 'web', clusterIp: '10.43.1.1', ports: [{ protocol: 'TCP', port: 80 }] },
      { namespace: 'shop', name: 'headless', clusterIp: 'None', ports: [{ protocol: 'TCP', port: 80 }] },
    ],
  }
  // Only what the probes look at is there.
  return { nodes, kube } as unknown as Facts
}
