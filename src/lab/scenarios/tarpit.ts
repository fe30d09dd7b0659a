import {
  app,
  clusterDns,
  daemonSet,
  deployment,
  dnsPorts,
  namespace,
  namespaceCalled,
  policy,
  server,
  service,
  tcp,
  tcpPort,
} from './manifests.ts'
import type { Scenario } from './scenario.ts'

/**
 * Nodes that hardly ever send an ICMP error: one an hour to each address. So kube-router's refusal is not heard, and a
 * connection that policy forbids hangs, as it does where the policy engine drops. The report's does (Calico); kube-router
 * rejects, and its refusals are told as fast as the kernel's default of one a second to each address lets them (measured.md
 * 12): an ingress that is refused at once tries the next backend at once, and nobody would see anything.
 */
const silence = {
  path: '/etc/sysctl.d/60-no-icmp-errors.conf',
  content: '# Hardening: send hardly any ICMP errors.\nnet.ipv4.icmp_ratelimit = 3600000\n',
  mode: 0o644,
} as const

const ingress = 'ingress-nginx'
const site = 'securek8s'

/**
 * Seed 003: an ingress controller on the host's network in front of pods whose policy admits "the namespace of the ingress
 * controller". A policy knows pods by their address; the controller has its node's. From its own node it gets in (the
 * kubelet must), from another it is shut out, and after 5 s (ingress-nginx' proxy-connect-timeout; the report blames
 * tcp_retries2) it asks the next backend: 200, fast or 5 s.
 *
 * Each of the two ingress nodes has one of the two backends, so half of the requests through either are slow. The report
 * has a node with none, and 9 of 10 requests through it slow, but answered: by its own explanation that node would reach
 * neither backend. Here it would answer 504 after twice 5 s.
 */
export const tarpit: Scenario = {
  is: 'a NetworkPolicy shuts out an ingress controller on the host network: half of the pages take 5 s (seed 003)',
  leastNodes: 2,
  files: [silence],
  workload: (nodes, images) => {
    const workers = nodes.slice(-2)
    const web = server('web', images.server, [tcp(8088)])
    return {
      pods: 5 + nodes.length,
      objects: [
        ...[ingress, site, 'tools'].map((name) => namespace(name)),
        ...clusterDns(images.dns),
        deployment({ namespace: site, name: 'web', replicas: 2 }, [web], { nodes: workers, apart: true }),
        service({ namespace: site, name: 'web' }, [{ port: 80, targetPort: 8088 }]),
        // Where the controller finds its backends: it knows the pods, not the Service's address.
        service({ namespace: site, name: 'web-endpoints', app: 'web', headless: true }, [
          { port: 8088, targetPort: 8088 },
        ]),
        daemonSet(
          { namespace: ingress, name: 'controller' },
          [
            {
              ...server('controller', { image: 'registry.k8s.io/ingress-nginx/controller:v1.12.1' }, [
                { name: 'http', containerPort: 80, hostPort: 80, protocol: 'TCP' },
              ]),
              env: [{ name: 'BACKEND', value: `web-endpoints.${site}.svc.cluster.local:8088` }],
            },
          ],
          { hostNetwork: true, nodes: workers },
        ),
        policy(site, 'default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
        policy(site, 'allow-ingress-controller', {
          podSelector: app('web'),
          policyTypes: ['Ingress'],
          ingress: [{ from: [{ namespaceSelector: namespaceCalled(ingress) }], ports: [tcpPort(8088)] }],
        }),
        policy(site, 'allow-dns', {
          podSelector: app('web'),
          policyTypes: ['Egress'],
          egress: [{ to: [{ namespaceSelector: namespaceCalled('kube-system') }], ports: dnsPorts }],
        }),
        // Pods without any policy, on every node: what is not the site's has no trouble.
        daemonSet({ namespace: 'tools', name: 'echo' }, [server('echo', images.server)]),
        service({ namespace: 'tools', name: 'echo' }, [{ port: 80, targetPort: 8080 }]),
      ],
    }
  },
}
