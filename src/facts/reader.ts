import type { Asked, Clock, FactsReader } from '../engine/model.ts'
import { FailedError, InputError } from '../errors.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { KubeApi } from '../kube/api.ts'
import { OutcomeUnknown, UnreachableError } from '../nodes/errors.ts'
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

type Read = { node: NodeFacts } | { silent: string; why: string }

/** Nobody answers, or not to the end. A key that is not known, or an answer that is not understood, is no silence. */
const isSilence = (error: unknown): error is Error =>
  error instanceof UnreachableError || error instanceof OutcomeUnknown

/**
 * Reads facts over SSH and from the API, nodes in parallel. What was never read of a node is read whatever was asked, so that
 * facts are always whole, but for nodes that are known to be silent: those when they are asked themselves. What takes time, makes traffic or is for pre-flight alone (reachability, paths, obstacles) only
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
    async read(families: readonly string[], targets: Asked, previous: Facts | null) {
      const ofNodes = families.filter(isNodeFamily)
      const asked = typeof targets === 'string' ? nodeNames : targets.filter((target) => nodeNames.includes(target))
      const isWanted = (name: string) => {
        if (previous?.silent?.[name] !== undefined) return ofNodes.length > 0 && asked.includes(name)
        return asked.includes(name) || !previous?.nodes[name]
      }
      const names = nodeNames.filter(isWanted)
      const readOne = async (name: string): Promise<Read> => {
        try {
          return { node: await readNode(name, ofNodes, previous?.nodes[name]) }
        } catch (error) {
          if (targets === 'answering' && isSilence(error)) return { silent: name, why: error.message }
          throw error
        }
      }
      const kubeWanted = families.includes('kube') || previous === null
      const operatorWanted = families.includes('operator') || previous === null
      const [read, kube, operator, obstacles, stuck] = await Promise.all([
        together(names.map(readOne)),
        previous && !kubeWanted ? previous.kube : readKube(sources.kube),
        operatorWanted ? sources.operator?.() : previous.operator,
        families.includes('obstacles') ? readObstacles(sources.kube) : previous?.obstacles,
        families.includes('stuck') ? readStuck(sources.kube) : previous?.stuck,
      ])
      const nodes = { ...previous?.nodes }
      const silent = { ...previous?.silent }
      for (const one of read) {
        if ('node' in one) {
          nodes[one.node.name] = one.node
          delete silent[one.node.name]
        } else {
          silent[one.silent] = one.why
          delete nodes[one.silent]
        }
      }
      const facts: Facts = {
        format: 1,
        cluster: sources.inventory.cluster.name,
        readAt: new Date(sources.clock.nowMs()).toISOString(),
        nodes,
        ...(Object.keys(silent).length === 0 ? {} : { silent }),
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
