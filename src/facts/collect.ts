import { z } from 'zod'
import type { Clock } from '../engine/model.ts'
import { FailedError, MigrateError } from '../errors.ts'
import type { Node } from '../nodes/node.ts'
import { mustRun, script } from '../nodes/run.ts'
import { cniFamily } from './cni.ts'
import { containersFamily } from './containers.ts'
import { etcdFamily } from './etcd.ts'
import { type NodeFacts, type NodeFamily, nodeFactsSchema } from './facts.ts'
import type { About, Family } from './family.ts'
import { firewallFamily } from './firewall.ts'
import { guardsFamily } from './guards.ts'
import { hostFamily } from './host.ts'
import { imagesFamily } from './images.ts'
import { k3sFamily } from './k3s.ts'
import { kernelFamily } from './kernel.ts'
import { netfilterFamily } from './netfilter.ts'
import { networkFamily } from './network.ts'
import { prelude } from './prelude.ts'
import { sandboxesFamily } from './sandboxes.ts'
import { parseSections, type Sections } from './sections.ts'
import { unitFamily } from './unit.ts'
import { upkeepFamily } from './upkeep.ts'

const families: { readonly [F in NodeFamily]: Family<Required<NodeFacts>[F]> } = {
  host: hostFamily,
  unit: unitFamily,
  k3s: k3sFamily,
  etcd: etcdFamily,
  netfilter: netfilterFamily,
  network: networkFamily,
  cni: cniFamily,
  sandboxes: sandboxesFamily,
  images: imagesFamily,
  kernel: kernelFamily,
  firewall: firewallFamily,
  upkeep: upkeepFamily,
  containers: containersFamily,
  guards: guardsFamily,
}

/** The script that reads these families: constant for the same families. */
export const collectScript = (wanted: readonly NodeFamily[]): string =>
  [prelude, ...wanted.map((name) => families[name].script), 'emit end date +%s%N', 'echo @end']
    .join('\n')
    .replace(/\n{2,}/g, '\n')

function describe(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues
      .slice(0, 3)
      .map((issue) => `${issue.path.join('.')}: ${issue.message}`)
      .join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** Says of an answer that was not understood whose it was and what was asked. */
function parseFamily(name: NodeFamily, sections: Sections, about: About): unknown {
  try {
    return nodeFactsSchema.shape[name].parse(families[name].parse(sections, about))
  } catch (error) {
    const context = { host: about.node, ...(error instanceof MigrateError ? error.context : {}) }
    throw new FailedError(`${about.node}: facts of ${name}: ${describe(error)}`, context, error)
  }
}

export interface CollectOptions {
  /** The node's address in the inventory. */
  address: string
  /** Names of all nodes: each is resolved on this one. */
  nodeNames: readonly string[]
  clock: Clock
  timeoutMs?: number
}

/**
 * Reads families of facts from a node, all in one round trip. Changes nothing there.
 * @throws FailedError naming the node, the family and the command whose answer was not what was expected
 */
export async function collect<F extends NodeFamily>(
  node: Node,
  wanted: readonly F[],
  options: CollectOptions,
): Promise<Pick<Required<NodeFacts>, F>> {
  const sentMs = options.clock.nowMs()
  const { stdout } = await mustRun(node, {
    ...script('facts', collectScript(wanted), options.nodeNames),
    mode: 'read',
    timeoutMs: options.timeoutMs ?? 120_000,
  })
  const about = { node: node.name, address: options.address, sentMs, answeredMs: options.clock.nowMs() }
  let sections: Sections
  try {
    sections = parseSections(stdout)
  } catch (error) {
    throw new FailedError(`${node.name}: facts: ${describe(error)}`, { host: node.name }, error)
  }
  return Object.fromEntries(wanted.map((name) => [name, parseFamily(name, sections, about)])) as Pick<
    Required<NodeFacts>,
    F
  >
}
