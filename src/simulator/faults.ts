/**
 * What goes wrong in a simulated run, as data. `at` counts instants: every command and request (before and after it is sent),
 * every write and fsync of the operator's disk, every fault point of the engine. What is about a command or a request
 * befalls the next one.
 */
export const faultKinds = [
  'kill',
  'power-cut',
  'stop',
  'abort',
  'command-fails',
  'command-hangs',
  'answer-lost',
  'connection-cut',
  'node-off',
  'agent-cuts-node',
  'etcd-lags',
  'api-late',
  'api-500',
  'api-answer-lost',
  'operator-clock-jumps',
  'node-clock-jumps',
  'node-disk-full',
  'operator-disk-full',
  'host-key-changed',
  'second-operator',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  at: number
  kind: FaultKind
  /** Which node, how long, how many bytes: what it means is the kind's. Below 1. */
  chance: number
}

export const formatFaults = (faults: readonly Fault[]): string =>
  faults.map(({ at, kind, chance }) => `${at}:${kind}:${chance}`).join(',')

export function parseFaults(text: string): Fault[] {
  return text
    .split(',')
    .filter((one) => one !== '')
    .map((one) => {
      const [at = '', kind = '', chance = '0'] = one.split(':')
      const known = faultKinds.find((name) => name === kind)
      if (known === undefined || !/^\d+$/.test(at)) throw new Error(`--faults ${one}: expected INSTANT:KIND:CHANCE`)
      return { at: Number(at), kind: known, chance: Number(chance) }
    })
}
