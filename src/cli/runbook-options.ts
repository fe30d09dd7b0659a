import { type Command, Option } from 'commander'

export interface RunbookFlags {
  runbook: string
  /** Only of the runbook that has two orders. */
  order?: 'staged' | 'seed'
}

/** Which runbook, and its parameters. The names are those of runbooks/runbooks.ts, which a test compares: it takes a while to load. */
export const runbookNames = ['k3s-flannel-to-cilium', 'kube-router-purge', 'cilium-to-flannel']

export function withRunbookOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--runbook <name>',
        'k3s-flannel-to-cilium: the move. kube-router-purge: only what kube-router left where it was switched off before. cilium-to-flannel: the whole way back, for a cluster whose run is not at hand',
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
}

/** The parameters of a plan, as the runbook reads them. */
export const paramsOf = ({ order }: RunbookFlags): { order?: string } => (order === undefined ? {} : { order })
