import { armGuard, disarmGuard, forgetGuard, type GuardState, lookAtGuard, renewGuard } from '../nodes/guard.ts'
import type { Nodes } from '../nodes/node.ts'
import { mustRun, script } from '../nodes/run.ts'
import { networkGuardProgram, releaseAgentScript } from './network-guard-program.ts'

/** What a step may break besides a node's own links, addresses and routes. */
export interface GuardScope {
  /** It lets Cilium's agents start: a guard that fires ends its node's, and holds it down until it is released. */
  agent: boolean
  /** Tables that it takes rules from, such as `ip-nft filter`. */
  tables: readonly string[]
}

/** The guards of all nodes, one a node and run. What each does when it fires: network-guard-program.ts. */
export interface NetworkGuards {
  /** One that is armed is renewed. @throws GuardFired */
  arm(node: string, run: string, scope: GuardScope, afterMs: number): Promise<'armed' | 'renewed'>
  /** @throws GuardFired; CommandFailed where none is armed */
  renew(node: string, run: string): Promise<void>
  /** Over a fresh connection. @throws GuardFired */
  disarm(node: string, run: string): Promise<void>
  look(node: string, run: string): Promise<GuardState>
  /** Removes what is left of one that has fired. */
  forget(node: string, run: string): Promise<void>
  /** Lets Cilium's agent start again where a guard holds it down. */
  release(node: string): Promise<void>
}

export function networkGuards(nodes: Nodes): NetworkGuards {
  return {
    arm: (node, run, { agent, tables }, afterMs) =>
      armGuard(nodes.get(node), run, networkGuardProgram, [agent ? 'agent' : '-', ...tables], afterMs),
    renew: (node, run) => renewGuard(nodes.get(node), run),
    disarm: (node, run) => disarmGuard(nodes.get(node), run),
    look: (node, run) => lookAtGuard(nodes.get(node), run),
    forget: (node, run) => forgetGuard(nodes.get(node), run),
    async release(node) {
      const command = script('release-agent', releaseAgentScript, [])
      await mustRun(nodes.get(node), { ...command, mode: 'write', timeoutMs: 15_000 })
    },
  }
}
