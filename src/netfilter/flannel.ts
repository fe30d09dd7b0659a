import ipaddr from 'ipaddr.js'
import type { Claim, Recogniser } from './recogniser.ts'
import { chainsOf, type Rule, type Ruleset, rulesOf, type Table, tablesOf } from './ruleset.ts'

const chains: Readonly<Record<string, string>> = { filter: 'FLANNEL-FWD', nat: 'FLANNEL-POSTRTG' }

/** A rule's words without a comment of flannel's own (exact), and without what its version adds. */
function bare(rule: Rule, comment: string): { key: string; commented: boolean } {
  const at = rule.words.findIndex((word, index) => word === '--comment' && rule.words[index + 1] === comment)
  const words = at < 0 ? rule.words : rule.words.toSpliced(at - 2, 4)
  return { key: words.filter((word) => word !== '--random-fully').join(' '), commented: at >= 0 }
}

const within = (inner: string, outer: string): boolean => {
  if (!ipaddr.isValidCIDR(inner) || !ipaddr.isValidCIDR(outer)) return false
  const [[address, bits], [network, outerBits]] = [ipaddr.parseCIDR(inner), ipaddr.parseCIDR(outer)]
  return address.kind() === network.kind() && bits >= outerBits && address.match(network, outerBits)
}

/** `-A POSTROUTING ! -s CLUSTER -d PODS -j RETURN`: PODS is this node's own range. */
function podReturn(rule: Rule, cluster: string): boolean {
  const [not, s, source, d, destination, j, target] = bare(rule, 'flanneld masq').key.split(' ')
  return (
    [not, s, source, d, j, target].join(' ') === `! -s ${cluster} -d -j RETURN` && within(destination ?? '', cluster)
  )
}

/**
 * Rules of flannel from before it had chains of its own, found by their exact form. Without a comment a FORWARD rule could be
 * anybody's: it counts as flannel's only where all four of its POSTROUTING rules stand as well (fixtures/k3s-1.21.3).
 */
function chainless(ruleset: Ruleset, cluster: string): Claim[] {
  const everywhere = cluster.includes(':') ? 'ff00::/8' : '224.0.0.0/4'
  const masquerade = [
    `-s ${cluster} -d ${cluster} -j RETURN`,
    `-s ${cluster} ! -d ${everywhere} -j MASQUERADE`,
    `! -s ${cluster} -d ${cluster} -j MASQUERADE`,
  ]
  const forward = [`-s ${cluster} -j ACCEPT`, `-d ${cluster} -j ACCEPT`]
  const of = (table: string, chain: string) =>
    tablesOf(ruleset)
      .filter((one) => one.name === table)
      .flatMap(rulesOf)
      .filter((rule) => rule.chain === chain)
  const nat = of('nat', 'POSTROUTING').filter(
    (rule) => masquerade.includes(bare(rule, 'flanneld masq').key) || podReturn(rule, cluster),
  )
  const complete =
    nat.some((rule) => podReturn(rule, cluster)) &&
    masquerade.every((form) => nat.some((rule) => bare(rule, 'flanneld masq').key === form))
  const filter = of('filter', 'FORWARD').filter((rule) => forward.includes(bare(rule, 'flanneld forward').key))
  return [
    {
      table: 'filter',
      chains: [],
      rules: filter.filter((rule) => complete || bare(rule, 'flanneld forward').commented),
    },
    { table: 'nat', chains: [], rules: nat.filter((rule) => complete || bare(rule, 'flanneld masq').commented) },
  ]
}

const ofTable = (table: Table): Claim => ({
  table: table.name,
  chains: chainsOf(table)
    .map((chain) => chain.name)
    .filter((name) => name === chains[table.name]),
  rules: [],
})

/**
 * What flannel left (k3s-kube-router.md §3.3, measured.md 15 and 19): its chains with their jumps, and the chainless rules
 * of older versions.
 * @param clusterCidr K3s' cluster-cidr; two with a comma on a dual-stack cluster
 */
export const flannel =
  (clusterCidr: string): Recogniser =>
  (ruleset) => [
    ...tablesOf(ruleset).map(ofTable),
    ...clusterCidr.split(',').flatMap((cluster) => chainless(ruleset, cluster.trim())),
  ]
