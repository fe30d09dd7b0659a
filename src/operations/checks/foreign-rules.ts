import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { rulesetNames } from '../../facts/netfilter.ts'
import { chainsOf, parse, type Rule, type Ruleset, rulesOf, tablesOf } from '../../netfilter/ruleset.ts'
import { about, orFine, some } from './finding.ts'

/** Chains and comments of what Kubernetes and its network write themselves. */
const ours = /^(KUBE-|CNI-|FLANNEL-|CILIUM_)/
const oursByText = /kube-router|flanneld|KUBE-|CNI-HOSTPORT|cilium/i

const isForeign = (rule: Rule) => !ours.test(rule.chain) && !oursByText.test(rule.text)

/** A rule of flannel's from before it commented them (k3s-kube-router.md §3.3). */
const isBare = (rule: Rule) =>
  /^-A (FORWARD|POSTROUTING) (! )?-[sd] \S+ ((! )?-d \S+ )?-j (ACCEPT|RETURN|MASQUERADE)/.test(rule.text)

/**
 * Rules that somebody wrote for today's pod range do nothing for the new one. And a FORWARD chain that drops by default was
 * passed by kube-router's mark, which goes with it (k3s#7203).
 */
export function foreignRules(facts: Facts, podCidr: string): Finding[] {
  const server = Object.values(facts.nodes).find((node) => node.unit.role === 'server')
  const clusterCidrs = (server?.k3s.flags['cluster-cidr']?.value ?? '').split(',').filter((cidr) => cidr !== '')
  const title = 'rules of others go on meaning what they mean'
  const found = Object.values(facts.nodes).flatMap(({ name, netfilter }) => {
    const sets = rulesetNames.flatMap((ruleset) => {
      const text = netfilter.rulesets[ruleset]
      return text ? [{ ruleset, parsed: parse(text, `${name}: ${ruleset}`) }] : []
    })
    const here = about(title, name)
    return sets.flatMap(({ ruleset, parsed }) => {
      const named = tablesOf(parsed)
        .flatMap(rulesOf)
        .filter((rule) => isForeign(rule) && !isBare(rule) && clusterCidrs.some((cidr) => rule.words.includes(cidr)))
      return [
        ...(named.length === 0
          ? []
          : [
              here.warns(
                `${ruleset}: ${named.length} rules name ${clusterCidrs.join(', ')}: ${some(
                  named.map((rule) => rule.text),
                  3,
                )}`,
                `write the same for ${podCidr}`,
              ),
            ]),
        ...(dropsForwarded(parsed)
          ? [
              here.warns(
                `${ruleset}: FORWARD drops by default: kube-router's ACCEPT for what policies allow goes away (k3s#7203); Cilium brings its own for its devices`,
                'if traffic through this node to what is not a pod stops: let it through by a rule of your own',
              ),
            ]
          : []),
      ]
    })
  })
  const native = Object.values(facts.nodes)
    .filter(({ netfilter }) => netfilter.nftTables.some((table) => !/cilium|kube|firewalld/.test(table)))
    .map(({ name, netfilter }) =>
      about(title, name).unsure(
        `there are tables of nftables that iptables cannot show: ${some(netfilter.nftTables)}`,
        `see that they name neither ${clusterCidrs.join(', ')} nor drop what is forwarded: nft list ruleset`,
      ),
    )
  return orFine([...found, ...native], title, `none names ${clusterCidrs.join(', ')}; FORWARD accepts`)
}

const dropsForwarded = (ruleset: Ruleset) =>
  tablesOf(ruleset)
    .filter(({ name }) => name === 'filter')
    .flatMap(chainsOf)
    .some(({ name, policy }) => name === 'FORWARD' && policy === 'DROP')
