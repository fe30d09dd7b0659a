import type { Clock, Target } from '../engine/model.ts'
import type { Facts, Family } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Node, Nodes } from '../nodes/node.ts'
import type { NetworkGuards } from './network-guards.ts'
import type { OutageProbe } from './outage-probe.ts'

/** The operator's copies of what is changed or removed: `runs/<id>/backups/<target>/<name>`, 0600. */
export interface Backups {
  /** Written and fsynced before it resolves. */
  put(target: Target, name: string, bytes: Uint8Array): Promise<void>
  /** Copies a file of any size off a node; proved by its digest there. */
  fetch(target: Target, name: string, node: Node, path: string): Promise<{ sha256: string; sizeBytes: number }>
  /** null: there is no such backup. */
  get(target: Target, name: string): Promise<Uint8Array | null>
}

/** Everything an operation can act on. Over SSH in production, in memory in a simulation. */
export interface World {
  readonly inventory: Inventory
  readonly nodes: Nodes
  readonly kube: KubeApi
  /** Reads these families anew, on the given nodes or all; the rest is as last known. */
  look(families: readonly Family[], nodes?: readonly string[]): Promise<Facts>
  readonly backups: Backups
  readonly clock: Clock
  readonly probe: OutageProbe
  readonly guards: NetworkGuards
}
