import { FailedError } from '../errors.ts'
import { describeCommand } from './describe.ts'
import type { Node } from './node.ts'

/** The same node, but commands that (may) change it are refused before they are sent. Planning uses nothing else. */
export function readOnly(node: Node): Node {
  return {
    name: node.name,
    connect: (host, port) => node.connect(host, port),
    reconnect: () => node.reconnect(),
    async run(command) {
      if (command.mode === 'read') return node.run(command)
      throw new FailedError(`${node.name}: refused while only looking: ${describeCommand(command)}`, {
        host: node.name,
        next: 'this is a mistake in the program: please report it',
      })
    },
  }
}
