import { Option } from 'commander'

export interface OrderFlag {
  order: 'staged' | 'seed'
}

/** The runbook's parameter: which of its two orders. */
export function orderOption(): Option {
  return new Option(
    '--order <order>',
    'staged: Cilium is made ready beside flannel first. seed: for clusters without a second tunnel port or pod range',
  )
    .choices(['staged', 'seed'])
    .default('staged')
}
