import type { Duplex } from 'node:stream'

/** One command on a node. Never a shell string: quoting happens in the transport, in one place. */
export interface Command {
  argv: readonly [string, ...string[]]
  /** `write` changes the node (or may); while planning, the gate refuses it. */
  mode: 'read' | 'write'
  /** A text is sent as the bytes that it was read from (text.ts). */
  stdin?: string | Uint8Array
  /** Covers opening the channel, running and reading. */
  timeoutMs: number
  /** Output beyond this ends the command with an error; default 32 MiB for stdout and stderr each. */
  maxOutputBytes?: number
}

/**
 * How a command ended, and what it said (text.ts: no byte is lost). `unknown` means the connection was lost or the deadline passed: the command may have run, may be
 * running, or never started. It is not a failure and must be looked at, never assumed (design: "in doubt").
 */
export type Outcome =
  | { kind: 'exited'; code: number; stdout: string; stderr: string; durationMs: number }
  | { kind: 'signalled'; signal: string; stdout: string; stderr: string; durationMs: number }
  | { kind: 'unknown'; reason: string; stdout: string; stderr: string; durationMs: number }

/** One machine, as root. Implemented over SSH here and in memory by the simulator; nothing else knows which. */
export interface Node {
  readonly name: string
  run(command: Command): Promise<Outcome>
  /** A byte stream to an address as seen from the node (used for the Kubernetes API on its loopback). */
  connect(host: string, port: number): Promise<Duplex>
  /** Ends the connection and opens a new one: proof that the node can still be reached from outside. */
  reconnect(): Promise<void>
}

/** All nodes of a cluster by name. `get` throws InputError for a name the inventory does not have. */
export interface Nodes {
  readonly names: readonly string[]
  get(name: string): Node
  close(): Promise<void>
}
