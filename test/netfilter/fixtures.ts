import { readFileSync } from 'node:fs'

/** Recordings of real nodes, policy chains thinned out: iptables-save -c of K3s 1.21.3 and Cilium 1.13.9, and a 2.6.3 model. */
export const rulesFixtures = [
  'k3s-1.21.3-hostport.nft.rules',
  'k3s-1.21.3.legacy.rules',
  'k3s-1.21.3.ip6.rules',
  'kube-router-2.6.3.rules',
  'cilium-1.13.9-beside-flannel.nft.rules',
] as const

export const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/netfilter/${name}`, import.meta.url), 'utf8')

/** Rules and chains that belong to none of those who are removed, and look as if they did. */
export const foreign = {
  filter: [
    ':KUBE-ROUTER - [0:0]',
    ':KUBE-ROUTER-INPUTS - [0:0]',
    ':KUBE-POD-FW-mine - [0:0]',
    ':KUBE-NWPLCY-DEFAULTS - [0:0]',
    ':MY-KUBE-ROUTER-INPUT - [0:0]',
    ':FLANNEL-FWDS - [0:0]',
    ':CILIUM_INPUT_mine - [0:0]',
    ':DOCKER-USER - [0:0]',
    ':ufw-before-input - [0:0]',
    '-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "see KUBE-ROUTER notes" -j ACCEPT',
    '-A INPUT -p udp -m udp --dport 8472 -m comment --comment "flannel and Cilium" -j ACCEPT',
    '-A INPUT -m comment --comment "-j KUBE-ROUTER-INPUT" -j ACCEPT',
    '-A INPUT -m comment --comment -j -j ACCEPT',
    '-A INPUT -m comment --comment "KUBE-ROUTER rule to explicitly ACCEPT traffic that comply to network policies" -j ACCEPT',
    '-A INPUT -m mark --mark 0x20000/0x20000 -j ACCEPT',
    '-A INPUT -j KUBE-ROUTER',
    '-A INPUT -j KUBE-ROUTER-INPUTS',
    '-A INPUT -j MY-KUBE-ROUTER-INPUT',
    '-A INPUT -j ufw-before-input',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j FLANNEL-FWDS',
    '-A KUBE-ROUTER -s 192.0.2.0/24 -j DROP',
    '-A KUBE-POD-FW-mine -s 10.42.0.0/16 -m comment --comment "a \\"quoted\\" back\\\\slash" -j DROP',
    '-A DOCKER-USER -s 10.42.0.0/16 -j ACCEPT',
  ],
  nat: [
    ':CNI-DN-mine - [0:0]',
    ':FLANNEL-POSTRTGS - [0:0]',
    '-A POSTROUTING -s 10.42.0.0/16 -o eth1 -j MASQUERADE',
    '-A POSTROUTING -s 10.99.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully',
    '-A POSTROUTING -j FLANNEL-POSTRTGS',
  ],
} as const

/** A rule set with lines of others put in: chains to the chains, rules to the end of the table. */
export function plant(text: string, lines: Readonly<Record<string, readonly string[]>>): string {
  let result = text
  for (const [table, planted] of Object.entries(lines)) {
    const at = result.indexOf(`*${table}\n`)
    if (at < 0) throw new Error(`the fixture has no table ${table}`)
    const end = result.indexOf('COMMIT\n', at)
    const chainsEnd = result.slice(0, end).lastIndexOf('\n:') + 1
    const chains = planted.filter((line) => line.startsWith(':')).map((line) => `${line}\n`)
    const rules = planted.filter((line) => !line.startsWith(':')).map((line) => `${line}\n`)
    const afterChains = result.indexOf('\n', chainsEnd) + 1
    result =
      result.slice(0, afterChains) +
      chains.join('') +
      result.slice(afterChains, end) +
      rules.join('') +
      result.slice(end)
  }
  return result
}
