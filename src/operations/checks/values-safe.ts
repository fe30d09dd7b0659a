import { z } from 'zod'
import type { Finding } from '../../engine/model.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about, orFine } from './finding.ts'

/** Values of one's own that make the move fail or undo what it relies on (cilium.md §4.4); the last word is theirs. */
const dangerous: readonly {
  path: string
  wrong: (value: unknown) => boolean
  level: 'blocks' | 'warns'
  why: string
}[] = [
  {
    path: 'cleanState',
    wrong: Boolean,
    level: 'blocks',
    why: 'wipes all state and connections at every start of an agent',
  },
  { path: 'cleanBpfState', wrong: Boolean, level: 'blocks', why: 'wipes the maps at every start of an agent' },
  { path: 'routingMode', wrong: (v) => v !== 'tunnel', level: 'blocks', why: 'is not what this runbook moves to' },
  { path: 'autoDirectNodeRoutes', wrong: Boolean, level: 'blocks', why: 'with a tunnel the agent exits' },
  {
    path: 'tunnelProtocol',
    wrong: (v) => v !== 'vxlan',
    level: 'blocks',
    why: 'this runbook checks the ports of vxlan only',
  },
  {
    path: 'tunnelPort',
    wrong: () => true,
    level: 'blocks',
    why: 'is set by cilium.tunnelPort in the inventory, and checked as that',
  },
  {
    path: 'kubeProxyReplacement',
    wrong: () => true,
    level: 'blocks',
    why: 'is set by cilium.kubeProxyReplacement in the inventory',
  },
  { path: 'ipam', wrong: () => true, level: 'blocks', why: 'the range is set by cilium.podCidr in the inventory' },
  {
    path: 'policyEnforcementMode',
    wrong: () => true,
    level: 'blocks',
    why: 'is switched by the runbook: off while pods move, on in the end',
  },
  {
    path: 'cni',
    wrong: () => true,
    level: 'warns',
    why: 'the runbook sets where and when the CNI configuration is written',
  },
  {
    path: 'hostFirewall.enabled',
    wrong: Boolean,
    level: 'blocks',
    why: 'drops replies of existing connections when it is first enabled, of ssh and etcd too (cilium#25448)',
  },
  {
    path: 'operator.unmanagedPodWatcher.restart',
    wrong: Boolean,
    level: 'blocks',
    why: 'deletes DNS pods while they are not yet moved',
  },
  { path: 'operator.replicas', wrong: () => true, level: 'warns', why: 'two replicas refuse to share a node' },
  {
    path: 'operator.tolerations',
    wrong: () => true,
    level: 'warns',
    why: 'the operator must be schedulable on tainted and cordoned nodes, or no node gets addresses',
  },
  {
    path: 'encryption.enabled',
    wrong: Boolean,
    level: 'warns',
    why: 'its port (51871/udp for WireGuard) and its overhead are not checked here',
  },
  {
    path: 'bpf.hostLegacyRouting',
    wrong: (v) => v === false,
    level: 'blocks',
    why: "traffic between both networks goes through the host's routes while pods move",
  },
]

const tree = z.record(z.string(), z.unknown())

function at(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    const parsed = tree.safeParse(value)
    return parsed.success ? parsed.data[key] : undefined
  }, values)
}

/** Nothing under cilium.values works against the runbook. */
export function valuesSafe({ cilium }: Inventory): Finding[] {
  const title = 'no chart value works against the move'
  const found = dangerous.flatMap(({ path, wrong, level, why }) => {
    const value = at(cilium.values, path)
    if (value === undefined || !wrong(value)) return []
    return [
      about(title)[level](
        `${path}: ${JSON.stringify(value)} ${why}`,
        `take ${path} out of cilium.values in the inventory`,
      ),
    ]
  })
  const own = Object.keys(cilium.values)
  return orFine(found, title, own.length === 0 ? 'none is set in the inventory' : own.join(', '))
}
