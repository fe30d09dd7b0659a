import type { ClusterState, NodeState } from '../cluster/state.ts'

/** How a simulated command ended. */
export interface Ended {
  code: number
  stdout: string
  stderr: string
  /** Besides the way there and back. */
  tookMs: number
}

export const said = (stdout: string, tookMs = 5): Ended => ({ code: 0, stdout, stderr: '', tookMs })
export const failed = (stderr: string, code = 1): Ended => ({ code, stdout: '', stderr, tookMs: 5 })
export const noSpace = failed('No space left on device')

/** One command of the node: what it does to the cluster, and what it says. */
export type Handler = (
  state: ClusterState,
  node: NodeState,
  call: { args: readonly string[]; input: string; text: string },
) => Ended
