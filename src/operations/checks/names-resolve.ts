import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about, orFine } from './finding.ts'

/** Node names are known on every node, without the cluster's own DNS. */
export function namesResolve(facts: Facts): Finding[] {
  const title = 'node names resolve'
  const found = Object.values(facts.nodes).flatMap(({ name: node, host }) =>
    Object.entries(host.resolves)
      .filter(([, address]) => address === null)
      .map(([name]) =>
        about(title, node).warns(
          `${name} does not resolve there`,
          `add ${name} to its /etc/hosts: what uses the name will hang while DNS is away`,
        ),
      ),
  )
  return orFine(found, title, 'every one on every node')
}
