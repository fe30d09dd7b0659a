import { InputError } from '../errors.ts'
import type { InventoryNode } from '../inventory/schema.ts'
import { Connector } from './connector.ts'
import { readOnly } from './gate.ts'
import { KeyRing } from './identities.ts'
import { type CommandLog, logged } from './logging.ts'
import type { Node, Nodes } from './node.ts'
import type { Redactor } from './redactor.ts'
import type { Secrets } from './secrets.ts'
import { type OperatorEnvironment, operatorEnvironment, resolveEndpoint } from './ssh-config.ts'
import { SshNode } from './ssh-node.ts'
import { SudoPasswords } from './sudo.ts'

export interface OpenNodesOptions {
  secrets: Secrets
  redactor: Redactor
  /** 'read': commands that (may) change a node are refused. */
  mode: 'read' | 'write'
  /** Where commands are logged; absent where there is no run yet. */
  log?: CommandLog
  /** Home, user, agent and ssh program; default: of this process. */
  environment?: OperatorEnvironment
  /** Told once for each node and note: "no ssh program here". */
  note?: (message: string) => void
}

/** All nodes of an inventory. Nothing is connected before it is used. */
export function openNodes(inventory: { nodes: readonly InventoryNode[] }, options: OpenNodesOptions): Nodes {
  const environment = options.environment ?? operatorEnvironment()
  const connector = new Connector(new KeyRing(options.secrets, options.redactor))
  const shared = { connector, passwords: new SudoPasswords(options.secrets, options.redactor) }
  const noted = new Set<string>()
  const machines = inventory.nodes.map((node) => {
    const resolve = async () => {
      const endpoint = await resolveEndpoint(node, environment)
      for (const note of endpoint.notes) {
        if (!noted.has(note)) options.note?.(note)
        noted.add(note)
      }
      return endpoint
    }
    return new SshNode(node.name, resolve, shared)
  })
  const nodes = new Map<string, Node>()
  for (const machine of machines) {
    const withLog = options.log ? logged(machine, options.log) : machine
    nodes.set(machine.name, options.mode === 'read' ? readOnly(withLog) : withLog)
  }
  return {
    names: [...nodes.keys()],
    get(name) {
      const node = nodes.get(name)
      if (node) return node
      throw new InputError(`the inventory has no node "${name}"; it has ${[...nodes.keys()].join(', ')}`)
    },
    async close() {
      for (const machine of machines) machine.close()
      connector.close()
      options.log?.close()
    },
  }
}
