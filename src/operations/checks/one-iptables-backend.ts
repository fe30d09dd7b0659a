import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { rulesetNames } from '../../facts/netfilter.ts'
import { about } from './finding.ts'

const kube = /^:KUBE-|^:FLANNEL-|^:CNI-/m

/** Two rule sets of the same family both apply, and each writer sees only its own (k3s-kube-router.md §4.4, cilium.md §3.6). */
export function oneIptablesBackend(facts: Facts): Finding[] {
  return Object.values(facts.nodes).map(({ name, netfilter, host }) => {
    const here = about('one iptables backend is in use', name)
    const used = rulesetNames.filter((ruleset) => kube.test(netfilter.rulesets[ruleset] ?? ''))
    const others = rulesetNames.filter((ruleset) => netfilter.rulesets[ruleset] && !used.includes(ruleset))
    const backends = [...new Set(used.map((ruleset) => ruleset.split('-')[1]))]
    const clean =
      "the move removes what is kube-router's and flannel's from both; kube-proxy's in the other one stays: reboot the node some time"
    if (backends.length > 1)
      return here.warns(
        `Kubernetes' rules stand in ${used.join(' and ')}: one of them is left over, and applies`,
        clean,
      )
    const [backend] = backends
    if (backend === undefined)
      return host.commands['iptables-nft-save'] === false && host.commands['iptables-legacy-save'] === false
        ? here.unknown('there is no iptables-save to see any rules with', 'install iptables')
        : here.unsure('no rules of Kubernetes are to be seen', 'look with iptables-nft-save and iptables-legacy-save')
    if (netfilter.defaultBackend !== null && netfilter.defaultBackend !== backend)
      return here.warns(
        `K3s writes ${backend} and the host's own iptables is ${netfilter.defaultBackend}: Cilium picks one of them by what it finds`,
        `let the host use the same: update-alternatives --set iptables /usr/sbin/iptables-${backend}`,
      )
    const foreign = others.filter((ruleset) => ruleset.split('-')[1] !== backend)
    return foreign.length > 0
      ? here.warns(
          `Kubernetes' rules are in ${used.join(' and ')}, somebody else's in ${foreign.join(' and ')}`,
          'see that those are meant to apply',
        )
      : here.fine(backend)
  })
}
