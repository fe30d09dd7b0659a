import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { rulesetNames } from '../../facts/netfilter.ts'
import { about } from './finding.ts'

const jump = /kube-router netpol - /

/**
 * What is compared at the end is a state in which policies are enforced. Without ipset K3s leaves its controller out and only
 * logs it (k3s-kube-router.md §4.1); switched off, it leaves its rules as they were (k3s#7244).
 */
export function policiesEnforcedNow(facts: Facts): Finding[] {
  const server = Object.values(facts.nodes).find((node) => node.unit.role === 'server')
  const isOff = server?.k3s.flags['disable-network-policy']?.value === 'true'
  const policies = facts.kube.policies.length
  return Object.values(facts.nodes).map(({ name, netfilter }) => {
    const here = about('policies are enforced as K3s is set', name)
    const isThere = rulesetNames.some((ruleset) => jump.test(netfilter.rulesets[ruleset] ?? ''))
    if (isOff)
      return isThere
        ? here.warns(
            "the controller is switched off and its rules are still there, frozen: what they refuse is refused by nobody's policy (k3s#7244)",
            'the move removes them; expect pairs that are refused now to work then',
          )
        : here.fine('the controller is off, nothing of it is left')
    if (isThere) return here.fine(`${policies} policies; kube-router's rules are there`)
    return policies === 0
      ? here.fine('there are no policies')
      : here.warns(
          `there are ${policies} NetworkPolicies and none of kube-router's rules: nothing is enforced today, and everything will be under Cilium`,
          'journalctl -u k3s | grep -i "network policy controller": is ipset missing? Let it enforce first, so that the comparison means something',
        )
  })
}
