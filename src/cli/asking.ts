import { InputError } from '../errors.ts'
import type { CommonOptions } from './options.ts'

export interface DriveFlags {
  yes?: true
  breakLock?: string
}

/** A run changes a cluster: somebody answers for each step, or says beforehand that nobody will be asked. */
export function refuseUnasked({ yes }: DriveFlags, { json, terminal }: CommonOptions, command: string): void {
  if (yes || (terminal.interactive && !json)) return
  const why = json ? '--json leaves no room for questions' : 'there is no terminal to ask questions at'
  throw new InputError(`${why}, and --yes was not given`, {
    next: `migrate ${command} --yes does every step as planned, unasked.`,
  })
}
