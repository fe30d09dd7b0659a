import type { Lab } from '../../../src/lab/lab.ts'
import type { Node } from '../../../src/nodes/node.ts'

/** A node of a lab past sshd: also one that the operator's side can no longer reach. */
export function labNode(lab: Lab, name: string): Node {
  return {
    name,
    async run({ argv, stdin }) {
      const startedMs = performance.now()
      const input = stdin === undefined ? {} : { stdin: Buffer.from(stdin).toString() }
      const { code, stdout, stderr } = await lab.exec(name, argv, input)
      return { kind: 'exited', code, stdout, stderr, durationMs: performance.now() - startedMs }
    },
    async connect() {
      throw new Error('nothing is forwarded past sshd')
    },
    async reconnect() {},
  }
}
