import { InvalidArgumentError, Option } from 'commander'
import { durationOption } from './duration-option.ts'
import type { GatherFlags } from './gather-options.ts'

export interface ControlledTestFlags extends GatherFlags {
  /** `namespace/name` each. */
  suspendCronjobs?: string[]
  for: number
  restore?: true
}

const names = (text: string): string[] => {
  const list = text.split(',').map((one) => one.trim())
  if (list.some((one) => one === '')) throw new InvalidArgumentError('expected namespace/name[,namespace/name...]')
  return [...new Set(list)]
}

export const controlledTestOptions = (): Option[] => [
  new Option(
    '--suspend-cronjobs <names>',
    'controlled test: watch, suspend these (namespace/name, with commas) and watch again, resume them, compare',
  ).argParser(names),
  durationOption('--for <time>', 'how long they are suspended', 10_000, 3_600_000).default(300_000, '5m'),
  new Option('--restore', 'resume what a controlled test that was killed has left suspended, and do nothing else'),
]
