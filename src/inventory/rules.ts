import ipaddr from 'ipaddr.js'
import type { Problem } from './problems.ts'
import type { InventoryFile } from './schema.ts'

/** What each key allows by itself, but not together. Pure; ranges that only the cluster knows are checked by pre-flight. */
export function contradictions(inventory: InventoryFile): Problem[] {
  return [...duplicates(inventory), ...roles(inventory), ...ranges(inventory)]
}

function duplicates({ nodes, ssh }: InventoryFile): Problem[] {
  const problems: Problem[] = []
  const names = new Map<string, number>()
  const doors = new Map<string, number>()
  for (const [index, node] of nodes.entries()) {
    const sameName = names.get(node.name)
    if (sameName !== undefined) {
      problems.push({
        path: ['nodes', index, 'name'],
        text: `nodes[${sameName}] is called ${node.name} too; expected each node once`,
      })
    } else names.set(node.name, index)
    // Two nodes behind one address are fine when their sshd listen on ports of their own.
    const door = `${normal(node.address)} ${node.ssh?.port ?? ssh.port ?? 22} ${node.ssh?.proxyJump ?? ssh.proxyJump ?? ''}`
    const sameDoor = doors.get(door)
    if (sameDoor !== undefined) {
      problems.push({
        path: ['nodes', index, 'address'],
        text: `nodes[${sameDoor}] has the address ${node.address} too; expected an address (or ssh.port) of its own`,
      })
    } else doors.set(door, index)
  }
  return problems
}

/** Spelt one way, so that 2001:db8::1 and 2001:db8:0:0:0:0:0:1 are seen to be the same. */
function normal(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address.toLowerCase()
}

function roles({ nodes, lifeboat, canary }: InventoryFile): Problem[] {
  const servers = nodes.filter((node) => node.role === 'server').map((node) => node.name)
  if (servers.length === 0) return [{ path: ['nodes'], text: 'no node has role: server; expected at least one' }]
  if (lifeboat !== undefined && !servers.includes(lifeboat)) {
    const why = nodes.some((node) => node.name === lifeboat) ? 'is an agent' : 'is not one of the nodes'
    return [{ path: ['lifeboat'], text: `${lifeboat} ${why}; expected a server: ${servers.join(', ')}` }]
  }
  const others = nodes.map((node) => node.name).filter((name) => name !== (lifeboat ?? servers.at(-1)))
  if (canary === undefined || others.includes(canary)) return []
  const why = nodes.some((node) => node.name === canary) ? 'is the lifeboat' : 'is not one of the nodes'
  return [
    { path: ['canary'], text: `${canary} ${why}; expected another node: ${others.join(', ') || '(there is none)'}` },
  ]
}

function ranges({ nodes, cilium }: InventoryFile): Problem[] {
  const [network, bits] = ipaddr.IPv4.parseCIDR(cilium.podCidr)
  const problems: Problem[] = []
  // Cilium cuts a /24 out of the pool for each node.
  if (bits > 24 || 2 ** (24 - bits) < nodes.length) {
    problems.push({
      path: ['cilium', 'podCidr'],
      text: `${cilium.podCidr} has no /24 for each of ${nodes.length} nodes; expected a wider range such as 10.52.0.0/16`,
    })
  }
  for (const node of nodes) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(node.address)) continue
    if (ipaddr.IPv4.parse(node.address).match(network, bits)) {
      problems.push({
        path: ['cilium', 'podCidr'],
        text: `${cilium.podCidr} holds ${node.address}, the address of ${node.name}; expected a range that is used nowhere else`,
      })
    }
  }
  return problems
}
