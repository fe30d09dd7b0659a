import {
  app,
  dnsPorts as dns,
  namespaceCalled,
  type Peer,
  type PolicyPort,
  type PolicySpec,
  type Selector,
  tcpPort as tcp,
} from './manifests.ts'

/** The kinds of NetworkPolicy that were recorded on a real cluster, once for each namespace of the workload. */

const team = (name: string): Selector => ({ matchLabels: { team: name } })
const kubeSystem = namespaceCalled('kube-system')

/**
 * Fifteen policies of one namespace. `neighbour`: the namespace whose clients may come in; `closed`: egress is denied too.
 * No ipBlock holds an address of a pod or node: with Cilium it would stop matching them, and the workload would not be
 * the same before and after.
 */
export function policiesOf(neighbour: string, namespace: string, closed: boolean): Record<string, PolicySpec> {
  const ingress = (podSelector: Selector, rule: { from?: Peer[]; ports?: PolicyPort[] }): PolicySpec => ({
    podSelector,
    policyTypes: ['Ingress'],
    ingress: [rule],
  })
  const egress = (podSelector: Selector, rule: { to?: Peer[]; ports?: PolicyPort[] }): PolicySpec => ({
    podSelector,
    policyTypes: ['Egress'],
    egress: [rule],
  })
  return {
    'default-deny': { podSelector: {}, policyTypes: closed ? ['Ingress', 'Egress'] : ['Ingress'] },
    'allow-web-from-cli': ingress(app('web'), { from: [{ podSelector: app('cli') }], ports: [tcp(8080)] }),
    'allow-web-from-probe': ingress(app('web'), {
      from: [{ namespaceSelector: team('edge'), podSelector: app('probe') }],
    }),
    'allow-web-named-port': ingress(app('web'), {
      from: [{ namespaceSelector: team(neighbour) }],
      ports: [tcp('web')],
    }),
    'allow-neighbour': ingress(app('web'), {
      from: [{ namespaceSelector: team(neighbour), podSelector: app('cli') }],
    }),
    'allow-multi': ingress(
      { matchExpressions: [{ key: 'role', operator: 'In', values: ['server', 'client'] }] },
      {
        from: [
          { podSelector: { matchLabels: { role: 'client' } } },
          {
            namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: [neighbour, namespace] }] },
            podSelector: app('cli'),
          },
          { ipBlock: { cidr: '192.0.2.0/24' } },
        ],
        ports: [tcp(9090), { port: 5353, protocol: 'UDP' }],
      },
    ),
    'allow-office': ingress(app('web'), {
      from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.128/25'] } }],
      ports: [tcp(8080)],
    }),
    'port-only': ingress(app('web'), { ports: [tcp(9191)] }),
    'selects-nothing': ingress(app('ghost'), {}),
    'cli-egress-dns': egress(app('cli'), { to: [{ namespaceSelector: kubeSystem }], ports: dns }),
    'cli-egress-web': egress(app('cli'), { to: [{ podSelector: app('web') }], ports: [tcp(8080), tcp(9090)] }),
    'cli-egress-teams': egress(app('cli'), { to: [{ namespaceSelector: {} }] }),
    'web-egress-dns': egress(app('web'), { to: [{ namespaceSelector: kubeSystem }], ports: dns }),
    'web-egress-out': egress(
      { matchLabels: { role: 'server' } },
      {
        to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32', '10.0.0.0/8', '192.168.0.0/16'] } }],
        ports: [tcp(443)],
      },
    ),
    'probe-open': { podSelector: app('probe'), policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
  }
}
