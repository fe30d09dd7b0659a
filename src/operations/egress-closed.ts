import { isIPv4 } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts, NodeFacts } from '../facts/facts.ts'
import { inNetwork } from '../facts/in-network.ts'
import type { RulesetName } from '../facts/netfilter.ts'
import { closedSources, closedText, closingInput } from '../netfilter/egress-closed.ts'
import { parse } from '../netfilter/ruleset.ts'
import { restoreScript } from '../netfilter/tools.ts'
import { mustRun, scriptWithInput } from '../nodes/run.ts'
import { policyVerdict } from '../probes/policy-verdict.ts'
import { claimants } from './netfilter-claimants.ts'
import { purge, purgeOf } from './netfilter-purged.ts'
import type { World } from './world.ts'

interface CloseChange {
  ruleset: RulesetName
  /** Of pods that are not on Cilium, and whose egress is restricted. */
  sources: string[]
  podCidr: string
  input: string
}

const rulesetOf = (node: NodeFacts, name: RulesetName) =>
  parse(node.netfilter.rulesets[name] ?? '', `${node.name}: ${name}`)

/** Where kube-router has written: its rules are what these complete. */
function rulesetNameOf(node: NodeFacts): RulesetName {
  const legacy = purgeOf(node, 'kube-router')?.rulesets['ip-legacy'] !== undefined
  return legacy || node.netfilter.defaultBackend === 'legacy' ? 'ip-legacy' : 'ip-nft'
}

/** Pods whose policies do not let them out to any address of the range: what kube-router's rules would say of it. */
function sourcesOn({ kube }: Facts, target: string, podCidr: string): string[] {
  const [address = ''] = podCidr.split('/')
  const flow = { to: { kind: 'address', address }, port: 1, protocol: 'TCP' } as const
  return kube.pods
    .filter((pod) => pod.node === target && !pod.hostNetwork && !inNetwork(pod.ip, podCidr))
    .filter((pod) => policyVerdict(kube, { from: { kind: 'pod', pod }, ...flow }).allowed !== true)
    .flatMap(({ ip }) => (ip !== null && isIPv4(ip) ? [ip] : []))
    .sort()
}

/**
 * Pods whose egress is restricted begin nothing towards pods that have moved. kube-router's frozen rules would refuse it,
 * but CILIUM_FORWARD stands before them, and accepts whatever goes to Cilium's own link (fixtures/cilium-1.13.9, all states).
 */
export const egressFromFlannelClosed: Operation<Facts, World, { podCidr: string }, CloseChange> = {
  name: 'egress.closed',
  reads: ['kube', 'netfilter'],
  diff(facts, target, { podCidr }) {
    const node = facts.nodes[target]
    if (!node) return null
    const ruleset = rulesetNameOf(node)
    const present = rulesetOf(node, ruleset)
    const sources = sourcesOn(facts, target, podCidr)
    if (isDeepStrictEqual(closedSources(present).sort(), sources)) return null
    return { ruleset, sources, podCidr, input: closingInput(present, sources, podCidr) }
  },
  predict(facts, target, { ruleset, sources, podCidr }) {
    const node = facts.nodes[target]
    if (!node) return facts
    const text = closedText(node.netfilter.rulesets[ruleset] ?? '', sources, podCidr)
    const netfilter = { ...node.netfilter, rulesets: { ...node.netfilter.rulesets, [ruleset]: text } }
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, netfilter } } }
  },
  // Pods come and go: which ones is not for the plan to fix.
  fingerprint: ({ ruleset }) => ({ ruleset }),
  render: ({ ruleset, sources, input }) => ({
    summary: `drop what ${sources.length} pods begin towards pods that have moved: policies restrict their egress`,
    diffs: [{ subject: `${ruleset}: input of iptables-restore --noflush`, before: null, after: input }],
  }),
  async apply(world, target, { ruleset, input }) {
    const add = scriptWithInput('iptables-add', restoreScript, [ruleset], input)
    await mustRun(world.nodes.get(target), { ...add, mode: 'write', timeoutMs: 60_000 })
  },
  async verify(world, target, { ruleset, sources }) {
    const node = (await world.look(['netfilter'], [target])).nodes[target]
    if (!node || !isDeepStrictEqual(closedSources(rulesetOf(node, ruleset)).sort(), sources))
      throw new FailedError('the rules are not there', { host: target })
  },
  undo: {
    how: 'remove them',
    run: (world, target, _change, task) => purge(world, target, claimants['cni-migrate'], task),
  },
}
