import type { Fault } from '../faults.ts'
import type { Images } from '../images.ts'
import type { OwnFile } from '../node.ts'
import type { Manifest } from './manifests.ts'

/** A cluster to practise on: what runs there, and what it suffers from. */
export interface Scenario {
  /** What is true of it, in one line: `lab up` says so. */
  is: string
  /** Fewer do not show it. */
  leastNodes: number
  /** Where it differs from the usual 1 agent and nft. */
  agents?: number
  iptables?: 'legacy'
  /** Runs with a real K3s too: it needs no program of the stand-in's. */
  real?: true
  /** What every node has beside its own files, from before it first boots. */
  files?: readonly OwnFile[]
  /** @param nodes names, servers first */
  workload(nodes: readonly string[], images: Images): Workload
  /** Laid on every node once its pods run. */
  fault?: Fault
}

export interface Workload {
  objects: readonly Manifest[]
  /** That many pods are waited for. */
  pods: number
  /** Applied once all of that runs, and not waited for: what the cluster suffers from, or what shows it. */
  trouble?: readonly Manifest[]
}
