import type { NodeFacts } from '../facts/facts.ts'
import type { Recogniser } from '../netfilter/recogniser.ts'
import { chainsOf, tablesOf } from '../netfilter/ruleset.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Rule, silent } from './diagnosis.ts'
import { ownedRules, sumOf } from './owned-rules.ts'
import { expectedPairs, tally } from './seen-pairs.ts'

const title = 'rules of Kubernetes stand in both backends of iptables'

/** Chains of kube-proxy, kubelet, kube-router, flannel, portmap, Cilium and Calico. */
const chainName = /^(KUBE-|FLANNEL-|CNI-|CILIUM_|cali-)/

const kubernetes: Recogniser = (ruleset) =>
  tablesOf(ruleset).map((table) => ({
    table: table.name,
    chains: chainsOf(table)
      .map(({ name }) => name)
      .filter((name) => chainName.test(name)),
    rules: [],
  }))

/** Rules in the nft and in the legacy rule set. Canaries of the kubelet are empty chains, and no rules. */
function split(node: NodeFacts): { node: string; nft: number; legacy: number } {
  const owned = ownedRules(node, kubernetes)
  const of = (backend: string) => sumOf(owned.filter(({ ruleset }) => ruleset.endsWith(`-${backend}`)))
  return { node: node.name, nft: of('nft'), legacy: of('legacy') }
}

/** The kernel runs both sets, one after the other: what only one of them was told to allow, the other may refuse. */
export const twoBackends: Rule = {
  id: 'two-backends',
  title,
  judge(evidence) {
    const found = Object.values(evidence.facts.nodes)
      .map(split)
      .filter(({ nft, legacy }) => nft > 0 && legacy > 0)
    const [first] = found
    if (first === undefined) return silent
    const writers = found.flatMap(({ node }) => evidence.signals[node]?.iptables ?? [])
    const used = new Set(writers.flatMap(({ backend }) => backend ?? []))
    const { tried, failed } = tally(expectedPairs(evidence))
    const points = [
      point(
        'both rule sets hold rules of Kubernetes or a CNI',
        true,
        found.map(({ node, nft, legacy }) => `${node}: ${nft} nft, ${legacy} legacy`).join('; '),
      ),
      point(
        'programs that write rules use different backends',
        used.size === 0 ? undefined : used.size > 1,
        writers.map(({ where, version, backend }) => `${where} ${version} ${backend ?? ''}`.trim()).join('; ') ||
          'not read',
      ),
      point('connections fail that policies allow', tried === 0 ? undefined : failed > 0, `${failed} of ${tried}`),
    ]
    return {
      diagnosis: {
        rule: 'two-backends',
        title,
        what: 'A packet goes through the legacy rules and through the nft rules. One of the sets is stale, or two writers differ: what one allows the other still refuses, and a look at one of them shows half of the truth.',
        where: found.map(({ node }) => `node ${node}`),
        sinceMs: null,
        confidence: confidenceOf(points, true) ?? 'possible',
        figures: [
          { what: `rules in nft on ${first.node}`, value: first.nft, unit: 'rules' },
          { what: `rules in legacy on ${first.node}`, value: first.legacy, unit: 'rules' },
          { what: 'nodes with both', value: found.length, unit: 'count' },
        ],
        points,
        disproof: 'one of the two sets without any chain of Kubernetes on every node',
        advice: [
          {
            text: 'Look at both before anything is concluded.',
            command: 'iptables-legacy-save; iptables-nft-save',
          },
          {
            text: 'Have all writers use one backend (prefer-bundled-bin in the configuration of K3s, update-alternatives on the host), restart them, and remove what is left in the other set.',
            warning: 'removing the set that is in use cuts Services and pods off',
          },
        ],
        source: 'K3s known issues (iptables); kube-proxy and CNI rule conflicts (field guide)',
      },
      notMeasured: [],
    }
  },
}
