import { describeCommand } from '../../../../src/nodes/describe.ts'
import type { Nodes, Outcome } from '../../../../src/nodes/node.ts'

/** By node, in their order. */
export type Commands = Record<string, string[]>

const codeOf = (outcome: Outcome) => (outcome.kind === 'exited' ? String(outcome.code) : outcome.kind)

/** The same words for what is numbered or named anew on each cluster, once however many pods there are. */
const alike = (words: string) =>
  [
    ...new Set(
      words.split(' ').map((word) => word.replace(/[0-9a-f]{64}/, 'ID').replace(/\b10\.\d+\.\d+\.\d+\b/, 'IP')),
    ),
  ]
    .join(' ')
    // What somebody else has there is kept.
    .replace(/^(\[cilium-leftovers\]).*/, '$1')

/**
 * Nodes that write down what changes them, and how it ended. What is tried until it succeeds stands there once: how often
 * that is depends on how quick the nodes are.
 */
export function recorded(nodes: Nodes): { nodes: Nodes; take: () => Commands } {
  let commands: Commands = {}
  return {
    take: () => {
      const taken = commands
      commands = {}
      return taken
    },
    nodes: {
      names: nodes.names,
      close: () => nodes.close(),
      get: (name) => {
        const node = nodes.get(name)
        return {
          name,
          connect: (host, port) => node.connect(host, port),
          reconnect: () => node.reconnect(),
          async run(command) {
            const outcome = await node.run(command)
            if (command.mode === 'write') {
              commands[name] ??= []
              const line = `${alike(describeCommand(command))}: ${codeOf(outcome)}`
              if (commands[name].at(-1) !== line) commands[name].push(line)
            }
            return outcome
          },
        }
      },
    },
  }
}
