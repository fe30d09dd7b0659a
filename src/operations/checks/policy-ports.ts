import { z } from 'zod'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about, orFine, some } from './finding.ts'

const sctpOn = z.object({ sctp: z.object({ enabled: z.literal(true) }) })

/** Kinds of ports that Cilium reads otherwise: SCTP only when switched on, endPort not beside a name (cilium.md §6.1). */
export function policyPorts(facts: Facts, { cilium }: Inventory): Finding[] {
  const title = 'policies name no port that Cilium reads otherwise'
  const ports = facts.kube.policies.flatMap(({ namespace, name, spec }) =>
    [...spec.ingress, ...spec.egress].flatMap((rule) =>
      rule.ports.map((port) => ({ ...port, policy: `${namespace}/${name}` })),
    ),
  )
  const named = (those: typeof ports) => some([...new Set(those.map(({ policy }) => policy))])
  const sctp = ports.filter(({ protocol }) => protocol === 'SCTP')
  const ranged = ports.filter(({ port, endPort }) => typeof port === 'string' && endPort !== null)
  const found: Finding[] = []
  if (sctp.length > 0 && !sctpOn.safeParse(cilium.values).success)
    found.push(
      about(title).warns(
        `${named(sctp)} name SCTP: Cilium knows nothing of it unless told, and these rules would allow nothing`,
        'set sctp.enabled: true under cilium.values (beta)',
      ),
    )
  if (ranged.length > 0)
    found.push(
      about(title).warns(
        `${named(ranged)} have endPort beside a named port: Cilium ignores it`,
        'write the range with numbers',
      ),
    )
  return orFine(found, title, 'none')
}
