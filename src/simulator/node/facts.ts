import type { NodeFamily } from '../../facts/facts.ts'
import type { ClusterState, NodeState } from '../cluster/state.ts'
import { type Handler, said } from './answer.ts'
import { guardSections, hostSections, kernelSections, upkeepSections } from './facts-of-host.ts'
import { k3sSections, unitSections } from './facts-of-k3s.ts'
import { cniSections, netfilterSections, networkSections } from './facts-of-network.ts'
import { containerSections, etcdSections, imagesSections, sandboxSections } from './facts-of-runtime.ts'
import { framed, type SectionText } from './sections.ts'

export type SectionsOf = (
  state: ClusterState,
  node: NodeState,
  nodeNames: readonly string[],
) => (readonly [string, SectionText])[]

const sectionsOf: Readonly<Record<NodeFamily, SectionsOf>> = {
  host: hostSections,
  unit: unitSections,
  k3s: k3sSections,
  etcd: etcdSections,
  netfilter: netfilterSections,
  network: networkSections,
  cni: cniSections,
  sandboxes: sandboxSections,
  images: imagesSections,
  kernel: kernelSections,
  firewall: () => [],
  upkeep: upkeepSections,
  containers: containerSections,
  guards: guardSections,
}

const known = new Map<string, readonly NodeFamily[]>()
const isFamily = (name: string): name is NodeFamily => Object.hasOwn(sectionsOf, name)

/** The families of a fact script, told by the names of what it emits. */
function familiesOf(text: string): readonly NodeFamily[] {
  const before = known.get(text)
  if (before) return before
  const names = new Set([...text.matchAll(/\bemit "?([a-z0-9]+)\./g)].map(([, name = '']) => name))
  const families = [...names].map((name) => {
    if (isFamily(name)) return name
    throw new Error(`the simulator does not know the family of facts ${name}`)
  })
  known.set(text, families)
  return families
}

/** The one script that all facts of a node are read by. */
export const factScripts: Readonly<Record<string, Handler>> = {
  facts: (state, node, { args, text }) => {
    const now = `${Math.round(state.nowMs + node.clockSkewMs)}000000\n`
    const families = familiesOf(text).flatMap((family) => sectionsOf[family](state, node, args))
    return said(framed([['begin', now], ...families, ['end', now]]), 20)
  },
}
