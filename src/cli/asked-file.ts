import { InputError, MigrateError } from '../errors.ts'

/** Writes a file that the call named; one that cannot be written there is the call's fault, not the program's. */
export async function writeAsked(file: string, write: () => Promise<void>): Promise<void> {
  await write().catch((cause: unknown) => {
    const found = cause instanceof MigrateError && cause.cause !== undefined ? cause.cause : cause
    const why = found instanceof Error ? found.message : String(found)
    throw new InputError(`${file} cannot be written: ${why}`, { next: 'name a file in a folder that is there' }, cause)
  })
}
