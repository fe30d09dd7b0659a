import type { Facts, NodeFacts } from '../facts/facts.ts'
import { rulesetNames } from '../facts/netfilter.ts'
import { stalePortmap } from '../netfilter/portmap.ts'
import { type Rule as IptablesRule, parse } from '../netfilter/ruleset.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Rule, silent } from './diagnosis.ts'

const title = 'host ports lead to pods that are gone'

/** Networks that portmap works for: flannel's, and what Cilium's configurations are named. */
const networks = ['cbr0', 'portmap', 'cilium']

const portsOf = ({ words }: IptablesRule): number[] => {
  const at = words.findIndex((word) => word === '--dports' || word === '--dport')
  return at < 0 ? [] : (words[at + 1] ?? '').split(',').map(Number).filter(Number.isInteger)
}

/**
 * Entries of containers that are not there any more, and the ports they catch; null: which are there is not known. Rules and
 * containers are read one after the other: what a pod wants that is just being made, or has just ended, is left out.
 */
function staleOf({ kube }: Facts, node: NodeFacts): { entries: number; ports: number[] } | null {
  if (node.sandboxes === null) return null
  const there = new Set(node.sandboxes.map(({ id }) => id))
  const passing = kube.pods.filter((pod) => pod.node === node.name && pod.phase !== 'Running')
  const unsettled = new Set(passing.flatMap(({ hostPorts }) => hostPorts))
  const rules = rulesetNames
    .flatMap((name) => {
      const text = node.netfilter.rulesets[name]
      return text ? stalePortmap((id) => !there.has(id), networks)(parse(text, `${node.name}: ${name}`)) : []
    })
    .flatMap((claim) => claim.rules)
    .filter((rule) => !portsOf(rule).some((port) => unsettled.has(port)))
  return { entries: rules.length, ports: [...new Set(rules.flatMap(portsOf))].sort((a, b) => a - b) }
}

/** k3s-kube-router.md §7: portmap is asked to delete by the network that is configured now, not by the one that made them. */
export const staleHostPorts: Rule = {
  id: 'stale-host-ports',
  title,
  judge({ facts }) {
    const looked = Object.values(facts.nodes).map((node) => ({ node: node.name, stale: staleOf(facts, node) }))
    const notMeasured = looked
      .filter(({ stale }) => stale === null)
      .map(({ node }) => `stale host ports on ${node}: its containerd did not say what runs`)
    const found = looked.flatMap(({ node, stale }) => (stale && stale.entries > 0 ? [{ node, ...stale }] : []))
    if (found.length === 0) return { ...silent, notMeasured }
    const entries = found.reduce((sum, one) => sum + one.entries, 0)
    const ports = [...new Set(found.flatMap((one) => one.ports))].sort((a, b) => a - b)
    const wanted = facts.kube.pods.filter(
      ({ phase, hostPorts }) => phase === 'Running' && hostPorts.some((port) => ports.includes(port)),
    )
    const points = [
      point('portmap has entries of containers that are gone', true, `${entries}, ports ${ports.join(', ') || '-'}`),
      point(
        'a pod that runs wants one of these ports',
        wanted.length > 0,
        wanted.map(({ namespace, name }) => `${namespace}/${name}`).join(', ') || 'none',
      ),
    ]
    return {
      diagnosis: {
        rule: 'stale-host-ports',
        title,
        what: 'Entries of CNI-HOSTPORT-DNAT stand for containers that are gone. The first entry that matches wins, so their ports lead to addresses that nobody has, in front of any pod that wants the same port now.',
        where: found.map(({ node, ports: its }) => `node ${node}: ${its.join(', ')}`),
        sinceMs: null,
        confidence: confidenceOf(points, true) ?? 'possible',
        figures: [
          { what: 'entries of containers that are gone', value: entries, unit: 'rules' },
          { what: 'pods that want such a port', value: wanted.length, unit: 'count' },
        ],
        points,
        disproof: 'the container ids in the entries among those of `crictl pods`',
        advice: [{ text: 'Have exactly these entries removed: it is a step of the plan.', command: 'migrate plan' }],
        source: 'rancher/rke#3440; cilium#38083',
      },
      notMeasured,
    }
  },
}
