import { expect, test } from 'vitest'
import { preflightChecks } from '../../../runbooks/checks.ts'
import type { Finding } from '../../../src/engine/model.ts'
import type { Facts, NodeFacts } from '../../../src/facts/facts.ts'
import { policySpecSchema } from '../../../src/facts/policies.ts'
import type { Inventory } from '../../../src/inventory/schema.ts'
import { someFacts, someInventory } from '../../operations/some-facts.ts'

/** What all gates find that is not fine, when the cluster is as it should be but for this. */
export function found(spoil: (facts: Facts, inventory: Inventory) => void, order = 'staged'): Finding[] {
  const [facts, inventory] = [structuredClone(someFacts()), structuredClone(someInventory)]
  spoil(facts, inventory)
  return preflightChecks(inventory, order === 'staged')
    .flatMap((gate) => gate.check(facts, {}))
    .filter(({ level }) => level !== 'fine')
}

export const on = (name: string, spoil: (node: Required<NodeFacts>) => void) => (facts: Facts) => {
  const node = facts.nodes[name]
  if (node) spoil(node as Required<NodeFacts>)
}
export const onServers = (spoil: (node: Required<NodeFacts>) => void) => (facts: Facts) => {
  for (const name of ['s1', 's2', 's3']) on(name, spoil)(facts)
}
export const values = (over: Inventory['cilium']['values']) => (_: Facts, inventory: Inventory) => {
  inventory.cilium.values = over
}
export const cilium = (over: Partial<Inventory['cilium']>) => (_: Facts, inventory: Inventory) => {
  Object.assign(inventory.cilium, over)
}
export const flag =
  (key: string, value: string, from = '/etc/rancher/k3s/config.yaml') =>
  (node: NodeFacts) => {
    node.k3s.flags[key] = { value, from }
  }
export const rules =
  (text: string, set: 'ip-nft' | 'ip-legacy' = 'ip-nft') =>
  (node: NodeFacts) => {
    node.netfilter.rulesets[set] = text
  }
export const obstacles = (over: Partial<NonNullable<Facts['obstacles']>>) => (facts: Facts) => {
  if (facts.obstacles) Object.assign(facts.obstacles, over)
}
export const policy = (spec: object) => (facts: Facts) => {
  facts.kube.policies.push({ namespace: 'shop', name: 'p', spec: policySpecSchema.parse(spec) })
}
export type Pod = Facts['kube']['pods'][number]
export const pod = (over: Partial<Pod>) => (facts: Facts) => {
  const [first] = facts.kube.pods
  if (first) facts.kube.pods.push({ ...first, ...over })
}
export const both =
  (...spoilers: ((facts: Facts, inventory: Inventory) => void)[]) =>
  (facts: Facts, inventory: Inventory) => {
    for (const spoil of spoilers) spoil(facts, inventory)
  }

export const filter = (lines: string) => `*filter\n:FORWARD DROP [0:0]\n:KUBE-FORWARD - [0:0]\n${lines}COMMIT\n`

type Trap = [name: string, spoil: (facts: Facts, inventory: Inventory) => void, level: string, said: RegExp]

/** Each trap by itself: what is wrong, how it is told. */
export function eachIsTold(traps: Trap[]): void {
  test.each(traps)('%s', (_, spoil, level, said) => {
    const told = found(spoil).filter(({ detail, fix }) => said.test(`${detail} ${fix ?? ''}`))
    expect(told.map((finding) => finding.level)).toContain(level)
    for (const finding of told) if (finding.level !== 'fine') expect(finding.fix).toMatch(/\w/)
  })
}
