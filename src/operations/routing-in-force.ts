import type { Facts, NodeFacts } from '../facts/facts.ts'
import { missingOfTunnel } from './cilium-installed.ts'
import type { RoutingMode } from './routing-values.ts'

/**
 * Why not every node routes to the others' pods in this mode, or null: by its links and routes, which an agent makes when it
 * has started, whatever it was told to. Routes of the other mode must be gone: some agents leave them (cilium#41811).
 */
export function missingOfRouting(facts: Facts, mode: RoutingMode, tunnelPort: number): string | null {
  const nodes = Object.values(facts.nodes)
  if (mode === 'native') {
    const tunnelled = nodes.find(({ network }) => network.links.some(({ name }) => name === 'cilium_vxlan'))
    if (tunnelled) return `${tunnelled.name}: the link cilium_vxlan is still there`
  }
  const link = mode === 'tunnel' ? missingOfTunnel(facts, tunnelPort) : null
  return link ?? nodes.map((node) => missingOfRoutes(facts, node, mode)).find((one) => one !== null) ?? null
}

function missingOfRoutes(facts: Facts, { name, network }: NodeFacts, mode: RoutingMode): string | null {
  for (const other of facts.kube.cilium.nodes.filter((one) => one.name !== name)) {
    const address = facts.kube.nodes.find((one) => one.name === other.name)?.internalIp
    for (const range of other.podCidrs) {
      const routes = network.routes.filter((route) => route.startsWith(`${range} `))
      const tunnelled = routes.filter((route) => / dev cilium_host( |$)/.test(route))
      const wanted =
        mode === 'tunnel' ? tunnelled : routes.filter((route) => route.startsWith(`${range} via ${address} `))
      const way = mode === 'tunnel' ? 'cilium_host' : address
      if (wanted.length === 0) return `${name}: no route to ${other.name}'s pods ${range} by ${way}`
      const left = routes.find((route) => !wanted.includes(route))
      if (left !== undefined) return `${name}: a route of the other mode is still there: ${left}`
    }
  }
  return null
}
