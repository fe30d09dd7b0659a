import { InputError } from '../errors.ts'

/** What `migrate lab break` can do besides power. A fault is a file in /var/lib/migrate-lab/faults, read by the stand-in. */
export const faults = {
  'reject-gap': {
    does: 'kube-router leaves the moment without allow marks open for so many seconds at each sync',
    value: '2',
  },
  'snapshot-fails': { does: '`k3s etcd-snapshot save` makes no snapshot, says nothing and exits 0', value: '' },
  'cilium-crash': {
    does: 'the Cilium agent crash-loops; with =link-down it takes the link of the default route down first',
    value: '',
  },
} as const satisfies Record<string, { does: string; value: string }>

export type FaultName = keyof typeof faults

export interface Fault {
  name: FaultName
  /** Content of the fault's file. */
  value: string
}

/** Reads `NAME` or `NAME=VALUE`. Throws InputError for a name that is not in the table. */
export function parseFault(text: string): Fault {
  const [name = '', ...value] = text.split('=')
  if (!Object.hasOwn(faults, name)) {
    const known = ['power-off', 'power-on', ...Object.keys(faults)].join(', ')
    throw new InputError(`there is no fault "${name}"`, { next: `one of: ${known}` })
  }
  const fault = name as FaultName
  return { name: fault, value: value.length > 0 ? value.join('=') : faults[fault].value }
}
