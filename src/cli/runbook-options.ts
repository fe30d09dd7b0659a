import { type Command, Option } from 'commander'
import type { PoliciesMeanwhile } from '../operations/cilium-values.ts'

export interface RunbookFlags {
  runbook: string
  /** Only of k3s-flannel-to-cilium. */
  order?: 'staged' | 'seed'
  /** Only of the runbook that goes node by node. */
  policies?: PoliciesMeanwhile
  /** Only of routing-mode-change. */
  to?: 'native' | 'tunnel'
}

/** Which runbook, and its parameters. The names are those of runbooks/runbooks.ts, which a test compares: it takes a while to load. */
export const runbookNames = [
  'k3s-flannel-to-cilium',
  'k3s-flannel-to-cilium-live',
  'kube-router-purge',
  'cilium-to-flannel',
  'routing-mode-change',
  'cilium-revert-to-vxlan',
  'stuck-pods',
  'cilium-crashloop-recovery',
]

export function withRunbookOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--runbook <name>',
        'k3s-flannel-to-cilium: the move, all at once. k3s-flannel-to-cilium-live: node by node, without an outage. kube-router-purge: only what kube-router left where it was switched off before. cilium-to-flannel: the whole way back, for a cluster whose run is not at hand. routing-mode-change: Cilium from tunnel to native routing or back. cilium-revert-to-vxlan: the emergency where nodes route differently. stuck-pods: what hangs after an incident. cilium-crashloop-recovery: agents crash and take nodes off the network',
      )
        .choices(runbookNames)
        .default('k3s-flannel-to-cilium'),
    )
    .addOption(
      new Option(
        '--order <order>',
        'staged (default): Cilium is made ready beside flannel first. seed: for clusters without a second tunnel port or pod range',
      ).choices(['staged', 'seed']),
    )
    .addOption(
      new Option(
        '--policies <state>',
        'node by node only, while the nodes move. open: nobody enforces NetworkPolicies. closed: what a policy selects talks only to its own network',
      ).choices(['open', 'closed']),
    )
    .addOption(
      new Option('--to <mode>', 'of routing-mode-change: how packets of pods get to other nodes').choices([
        'native',
        'tunnel',
      ]),
    )
}

/** The ways from flannel to Cilium that an operator may choose between. */
export const waysToMove: readonly RunbookFlags[] = [
  { runbook: 'k3s-flannel-to-cilium', order: 'staged' },
  { runbook: 'k3s-flannel-to-cilium-live', policies: 'open' },
  { runbook: 'k3s-flannel-to-cilium-live', policies: 'closed' },
]

/** The parameters of a plan: those that were given. Which it has, the runbook knows. */
export const paramsOf = ({ order, policies, to }: RunbookFlags): Omit<Partial<RunbookFlags>, 'runbook'> => ({
  ...(order === undefined ? {} : { order }),
  ...(policies === undefined ? {} : { policies }),
  ...(to === undefined ? {} : { to }),
})
