import ipaddr from 'ipaddr.js'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { apiAddress, isLoopback } from '../../inventory/api-address.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about } from './finding.ts'

/** Each node finds the API where Cilium will look: no name that cluster DNS resolves, nothing that only servers have. */
export function localApi(facts: Facts, inventory: Inventory): Finding[] {
  const { host, port } = apiAddress(inventory.cilium)
  const title = `the API answers on ${host}:${port}`
  const fix = 'set k8sServiceHost and k8sServicePort under cilium.values in the inventory to what answers on every node'
  if (isLoopback(host) && port === 6444)
    return Object.values(facts.nodes).map(({ name, k3s }) => {
      const here = about(title, name)
      if (k3s.localApi) return here.fine('yes')
      const moved = (['https-listen-port', 'lb-server-port'] as const)
        .filter((key) => k3s.flags[key] !== undefined && k3s.flags[key].from !== 'default')
        .map((key) => `${key} is ${k3s.flags[key]?.value}`)
      const why = moved.length > 0 ? ` (${moved.join(', ')})` : ''
      return here.blocks(`it does not${why}: Cilium is told to reach it there (cilium.md §2.3)`, fix)
    })
  const here = about(title)
  if (host === 'auto')
    return [here.blocks("k8sServiceHost: auto reads a ConfigMap of kubeadm's, which K3s does not have", fix)]
  if (isLoopback(host)) {
    const agents = Object.values(facts.nodes).filter((node) => node.unit.role === 'agent')
    return agents.length > 0 && port === 6443
      ? [here.blocks(`on agents nothing answers on ${host}:6443 (${agents.map((node) => node.name).join(', ')})`, fix)]
      : [here.unknown(`only 127.0.0.1:6444 is tried on the nodes; the inventory says ${host}:${port}`, fix)]
  }
  if (!ipaddr.isValid(host))
    return [
      here.blocks(
        `${host} is a name: while Cilium starts there is no DNS in the cluster, and no Cilium without the API`,
        'give an address',
      ),
    ]
  const tries = (facts.paths ?? []).filter((path) => path.address === host && path.port === port)
  if (tries.length === 0) return [here.unknown('it was not tried when these facts were read', 'read the facts anew')]
  return tries.map((path) => {
    const there = about(title, path.from)
    return path.outcome === 'open' ? there.fine('yes') : there.blocks(`it does not: ${path.outcome}`, fix)
  })
}
