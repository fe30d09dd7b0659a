import { InputError } from '../errors.ts'

/** Writes a file that the call named; one that cannot be written there is the call's fault, not the program's. */
export async function writeAsked(file: string, write: () => Promise<void>): Promise<void> {
  await write().catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new InputError(`${file} cannot be written: ${why}`, { next: 'name a file in a folder that is there' }, cause)
  })
}
