import type { Finding } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { KubeApi } from '../kube/api.ts'
import { KubeError } from '../kube/errors.ts'
import type { Nodes } from '../nodes/node.ts'
import { dnsAnswered } from '../operations/checks/dns-answered.ts'
import { hostPortsLead } from '../operations/checks/host-ports-lead.ts'
import { isMigrated } from '../operations/checks/is-migrated.ts'
import { largePacketsCross } from '../operations/checks/large-packets-cross.ts'
import { leftoversGone } from '../operations/checks/leftovers-gone.ts'
import { podsCarried } from '../operations/checks/pods-carried.ts'
import { policiesEnforced } from '../operations/checks/policies-enforced.ts'
import { probeState } from '../probes/probe-state.ts'

/**
 * What has to hold of a migrated cluster, whatever it was like before; of any other, nothing. Where it cannot be tried out,
 * that is one of the findings: what was compared over minutes is not lost to a node that does not answer now.
 * @param answeredBefore namespaces to which the cluster's DNS answered then; null: nobody knows
 */
export async function checkState(
  { cilium }: Inventory,
  { nodes, kube }: { nodes: Nodes; kube: KubeApi },
  facts: Facts,
  answeredBefore: ReadonlySet<string> | null,
): Promise<Finding[]> {
  if (!isMigrated(facts)) return []
  const listed = [...podsCarried(facts, cilium.podCidr, cilium.tunnelPort), ...leftoversGone(facts)]
  try {
    const [state, otherPolicies] = await Promise.all([probeState(nodes, facts), ownPolicies(kube)])
    return [
      ...listed,
      ...policiesEnforced(state.policies, otherPolicies),
      ...dnsAnswered(state.dns, answeredBefore),
      ...hostPortsLead(state),
      ...largePacketsCross(state.large),
    ]
  } catch (error) {
    if (!(error instanceof FailedError)) throw error
    return [...listed, notTried(error)]
  }
}

const notTried = ({ message }: FailedError): Finding => ({
  level: 'unknown',
  title: 'policies, DNS, host ports and large packets were tried',
  detail: `that could not be done: ${message}`,
  fix: 'migrate verify tries them again',
})

/** How many policies of Cilium's own kinds there are: they decide too who may connect. */
async function ownPolicies(kube: KubeApi): Promise<number> {
  const counts = await Promise.all(
    ['CiliumNetworkPolicy', 'CiliumClusterwideNetworkPolicy'].map(async (kind) => {
      try {
        return (await kube.list({ apiVersion: 'cilium.io/v2', kind })).length
      } catch (error) {
        // Where the kind is not served there is none of it.
        if (error instanceof KubeError && error.status === 404) return 0
        throw error
      }
    }),
  )
  return counts.reduce((sum, one) => sum + one, 0)
}
