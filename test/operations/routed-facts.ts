import { stringify } from 'yaml'
import type { Facts } from '../../src/facts/facts.ts'
import type { RoutingMode } from '../../src/operations/routing-values.ts'
import { someFacts } from './some-facts.ts'

const port = 8473

/** Values of a release that somebody made, with more in them than this tool knows of. */
export const someValues = (mode: RoutingMode, over: object = {}): string =>
  stringify({
    routingMode: mode,
    ...(mode === 'native' ? { autoDirectNodeRoutes: true, ipv4NativeRoutingCIDR: '10.52.0.0/16' } : {}),
    tunnelProtocol: 'vxlan',
    tunnelPort: port,
    kubeProxyReplacement: false,
    prometheus: { enabled: true },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
    ...over,
  })

/** A node's links and routes as an agent in this mode makes them. */
export function route(facts: Facts, name: string, mode: RoutingMode): void {
  const network = facts.nodes[name]?.network
  if (!network) throw new Error(`no node ${name}`)
  const index = Object.keys(facts.nodes).indexOf(name)
  const link = { kind: '', up: true, mtu: 1500, master: null, vxlanPort: null, addresses: [] }
  network.links = network.links.filter((one) => one.name === 'eth0')
  network.links.push({ ...link, name: 'cilium_host' })
  if (mode === 'tunnel') network.links.push({ ...link, name: 'cilium_vxlan', kind: 'vxlan', vxlanPort: port })
  network.routes = facts.kube.nodes.flatMap(({ internalIp }, other) =>
    other === index
      ? [`10.52.${index}.0/24 via 10.52.${index}.1 dev cilium_host proto kernel src 10.52.${index}.1`]
      : mode === 'native'
        ? [`10.52.${other}.0/24 via ${internalIp} dev eth0 proto kernel`]
        : [`10.52.${other}.0/24 via 10.52.${index}.1 dev cilium_host proto kernel src 10.52.${index}.1 mtu 1450`],
  )
}

/** A cluster that runs Cilium, everything of it in this mode. */
export function routedFacts(mode: RoutingMode): Facts {
  const facts = someFacts()
  const names = Object.keys(facts.nodes)
  for (const name of names) route(facts, name, mode)
  facts.kube.cilium = {
    ...facts.kube.cilium,
    chart: { by: 'helm-chart-object', version: '1.17.6', values: someValues(mode) },
    config: {
      'routing-mode': mode,
      'auto-direct-node-routes': `${mode === 'native'}`,
      ...(mode === 'native' ? { 'ipv4-native-routing-cidr': '10.52.0.0/16' } : {}),
      'kube-proxy-replacement': 'false',
      'enable-policy': 'default',
    },
    daemonSet: { desired: 4, ready: 4, updated: 4, generation: 2, observed: 2, strategy: 'RollingUpdate' },
    agents: names.map((node) => ({
      ...{ name: `cilium-of-${node}`, node, ready: true, startedMs: 1, waiting: null, restarts: 0, annotations: {} },
    })),
    operatorReady: 2,
    nodes: names.map((name, index) => ({ name, podCidrs: [`10.52.${index}.0/24`] })),
  }
  return facts
}
