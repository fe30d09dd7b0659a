import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, orFine } from './finding.ts'

const title = "nobody writes kube-router's rules"

/**
 * Switched off, K3s' controller leaves its rules as they were, for ever (k3s#7244). While it runs, or a kube-router of its own
 * does, they are in use, and would be written again within minutes.
 */
export function controllerOff(facts: Facts): Finding[] {
  const servers = Object.values(facts.nodes).filter(({ unit }) => unit.role === 'server')
  const running = servers.flatMap(({ name, k3s }): Finding[] =>
    k3s.flags['disable-network-policy']?.value === 'true'
      ? []
      : [
          about(title, name).blocks(
            'K3s runs its policy controller: these rules enforce your NetworkPolicies now',
            'to move to Cilium, which removes them: migrate plan; to do without policies, set disable-network-policy on every server and restart K3s first',
          ),
        ],
  )
  const own = facts.kube.pods
    .filter(({ name }) => name.startsWith('kube-router'))
    .map(({ namespace, name, node }) =>
      about(title, node ?? undefined).blocks(
        `the pod ${namespace}/${name} is a kube-router of its own`,
        "these rules are that one's: leave them, or uninstall it first",
      ),
    )
  return orFine([...running, ...own], title, `the controller is off on all ${servers.length} servers`)
}
