import type { Finding } from '../../engine/model.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { type Danger, dangersIn } from './dangers-in.ts'
import { orFine } from './finding.ts'

const always = () => true

/** Values of one's own that make the move fail or undo what it relies on (cilium.md §4.4); the last word is theirs. */
const dangerous: readonly Danger[] = [
  ['cleanState', 'blocks', Boolean, 'wipes all state and connections at every start of an agent'],
  ['cleanBpfState', 'blocks', Boolean, 'wipes the maps at every start of an agent'],
  ['routingMode', 'blocks', (value) => value !== 'tunnel', 'is not what this runbook moves to'],
  ['autoDirectNodeRoutes', 'blocks', Boolean, 'with a tunnel the agent exits'],
  ['tunnelProtocol', 'blocks', (value) => value !== 'vxlan', 'this runbook checks the ports of vxlan only'],
  ['tunnelPort', 'blocks', always, 'is set by cilium.tunnelPort in the inventory, and checked as that'],
  ['kubeProxyReplacement', 'blocks', always, 'is set by cilium.kubeProxyReplacement in the inventory'],
  ['ipam', 'blocks', always, 'the range is set by cilium.podCidr in the inventory'],
  ['policyEnforcementMode', 'blocks', always, 'is switched by the runbook: off while pods move, on in the end'],
  [
    'policyAuditMode',
    'warns',
    Boolean,
    'what policies forbid is only logged, for good; cilium.auditPolicies does it for one step',
  ],
  ['cni', 'warns', always, 'the runbook sets where and when the CNI configuration is written'],
  [
    'hostFirewall.enabled',
    'blocks',
    Boolean,
    'drops replies of existing connections when it is first enabled, of ssh and etcd too (cilium#25448)',
  ],
  ['operator.unmanagedPodWatcher.restart', 'blocks', Boolean, 'deletes DNS pods while they are not yet moved'],
  ['operator.replicas', 'warns', always, 'two replicas refuse to share a node'],
  [
    'operator.tolerations',
    'warns',
    always,
    'the operator must be schedulable on tainted and cordoned nodes, or no node gets addresses',
  ],
  ['encryption.enabled', 'warns', Boolean, 'its port (51871/udp for WireGuard) and its overhead are not checked here'],
  [
    'bpf.hostLegacyRouting',
    'blocks',
    (value) => value === false,
    "traffic between both networks goes through the host's routes while pods move",
  ],
]

/** Nothing under cilium.values works against the runbook. */
export function valuesSafe({ cilium }: Inventory): Finding[] {
  const title = 'no chart value works against the move'
  const found = dangersIn(
    cilium.values,
    dangerous,
    title,
    (path) => `take ${path} out of cilium.values in the inventory`,
  )
  const own = Object.keys(cilium.values)
  return orFine(found, title, own.length === 0 ? 'none is set in the inventory' : own.join(', '))
}
