import type { Clock, FactsReader, Target } from '../engine/model.ts'
import { FailedError, InputError } from '../errors.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Nodes } from '../nodes/node.ts'
import { collect } from './collect.ts'
import { type Facts, type NodeFacts, type NodeFamily, nodeFamilies } from './facts.ts'
import { readObstacles } from './obstacles.ts'
import type { OperatorFacts } from './operator.ts'
import type { PathsFacts } from './paths.ts'
import type { ReachabilityFacts } from './reachability.ts'
import { readKube } from './read-kube.ts'
import { readStuck } from './read-stuck.ts'

export interface FactsSources {
  inventory: Pick<Inventory, 'cluster' | 'nodes'>
  nodes: Nodes
  kube: KubeApi
  /** Probes who reaches whom, given all other facts as read by then. */
  reachability(facts: Facts): Promise<ReachabilityFacts>
  /** Tries the ports between the nodes, given the same. */
  paths(facts: Facts): Promise<PathsFacts>
  /** Looks at the operator's own machine; absent where nothing there is used. */
  operator?(): Promise<OperatorFacts>
  clock: Clock
}

const isNodeFamily = (name: string): name is NodeFamily => nodeFamilies.some((family) => family === name)

/**
 * All at once; every failure is told, not the first alone. What fails for the same reason everywhere (a password that nobody
 * can be asked for) is told once, and stays the error that it is.
 */
async function together<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises)
  const errors = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  const messages = [...new Set(errors.map((error) => (error instanceof Error ? error.message : String(error))))]
  if (messages.length === 1) throw errors[0]
  if (messages.length > 1) {
    const Kind = errors.every((error) => error instanceof InputError) ? InputError : FailedError
    throw new Kind(messages.join('\n'))
  }
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

/**
 * Reads facts over SSH and from the API, nodes in parallel. What was never read of a node is read whatever was asked, so that
 * facts are always whole; what takes time, makes traffic or is for pre-flight alone (reachability, paths, obstacles) only
 * when it is asked for.
 */
export function factsReader(sources: FactsSources): FactsReader<Facts> {
  const nodeNames = sources.inventory.nodes.map((node) => node.name)
  const readNode = async (name: string, families: readonly NodeFamily[], before: NodeFacts | undefined) => {
    const address = sources.inventory.nodes.find((node) => node.name === name)?.address ?? name
    const wanted = before ? families : nodeFamilies
    if (wanted.length === 0 && before) return before
    const read = await collect(sources.nodes.get(name), wanted, { address, nodeNames, clock: sources.clock })
    return { ...before, ...read, name, address } as NodeFacts
  }

  return {
    unanswered({ kube, stuck }, families) {
      if (families.includes('kube') && !kube.reachable)
        return `the Kubernetes API does not answer: ${kube.error ?? 'no reason given'}`
      if (families.includes('stuck') && stuck?.error)
        return `what hangs cannot be read from the Kubernetes API: ${stuck.error}`
      return null
    },
    async read(families: readonly string[], targets: readonly Target[] | 'all', previous: Facts | null) {
      const ofNodes = families.filter(isNodeFamily)
      const asked = targets === 'all' ? nodeNames : targets.filter((target) => nodeNames.includes(target))
      const missing = nodeNames.filter((name) => !previous?.nodes[name])
      const names = nodeNames.filter((name) => asked.includes(name) || missing.includes(name))
      const kubeWanted = families.includes('kube') || previous === null
      const operatorWanted = families.includes('operator') || previous === null
      const [read, kube, operator, obstacles, stuck] = await Promise.all([
        together(names.map((name) => readNode(name, ofNodes, previous?.nodes[name]))),
        previous && !kubeWanted ? previous.kube : readKube(sources.kube),
        operatorWanted ? sources.operator?.() : previous.operator,
        families.includes('obstacles') ? readObstacles(sources.kube) : previous?.obstacles,
        families.includes('stuck') ? readStuck(sources.kube) : previous?.stuck,
      ])
      const facts: Facts = {
        format: 1,
        cluster: sources.inventory.cluster.name,
        readAt: new Date(sources.clock.nowMs()).toISOString(),
        nodes: { ...previous?.nodes, ...Object.fromEntries(read.map((node) => [node.name, node])) },
        kube,
        reachability: previous?.reachability ?? null,
        ...(operator === undefined ? {} : { operator }),
        ...(obstacles === undefined ? {} : { obstacles }),
        ...(stuck === undefined ? {} : { stuck }),
        ...(previous?.paths === undefined ? {} : { paths: previous.paths }),
      }
      return {
        ...facts,
        ...(families.includes('reachability') ? { reachability: await sources.reachability(facts) } : {}),
        ...(families.includes('paths') ? { paths: await sources.paths(facts) } : {}),
      }
    },
  }
}
