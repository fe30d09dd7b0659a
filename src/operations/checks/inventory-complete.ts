import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'

/**
 * The inventory and the cluster name the same nodes, in the same roles. A node left out would keep flannel.
 * @param leftOut what it means that a node of the cluster is not in the inventory
 */
export function inventoryComplete(
  facts: Facts,
  inventory: Inventory,
  leftOut: 'blocks' | 'warns' = 'blocks',
): Finding[] {
  const findings: Finding[] = []
  for (const node of facts.kube.nodes)
    if (!inventory.nodes.some((one) => one.name === node.name))
      findings.push({
        level: leftOut,
        title: 'the inventory names every node',
        target: node.name,
        detail: `${node.name} (${node.internalIp}) is a node of the cluster and not in ${inventory.file}`,
        fix: 'add it under nodes',
      })
  for (const node of inventory.nodes) {
    const role = facts.nodes[node.name]?.unit.role
    if (role && role !== node.role)
      findings.push({
        level: 'blocks',
        title: 'roles are as the inventory says',
        target: node.name,
        detail: `${node.name} runs as ${role}, the inventory says ${node.role}`,
        fix: 'correct its role in the inventory',
      })
  }
  return findings.length > 0
    ? findings
    : [
        {
          level: 'fine',
          title: 'the inventory names every node',
          detail: `${inventory.nodes.length} nodes, roles agree`,
        },
      ]
}
