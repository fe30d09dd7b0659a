import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FailedError, InputError } from '../errors.ts'

/** A write on the operator's own machine that failed: its disk is full, or not for them to write to. */
export const notWritten = (path: string, cause: unknown): FailedError =>
  new FailedError(
    `${path} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`,
    { next: 'see that the disk is healthy and has room, then try again; a run that was under way: migrate resume' },
    cause,
  )

/**
 * Writes the whole file, 0600, so that after a power cut either the old or the new content is there.
 * @throws FailedError
 */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await using file = await open(temporary, 'w', 0o600)
    await file.writeFile(content)
    await file.sync()
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    throw notWritten(path, cause)
  }
}

/**
 * Makes the folder, 0700, with those above it that are not there.
 * @throws FailedError
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    const first = await mkdir(path, { recursive: true, mode: 0o700 })
    if (first !== undefined) await syncFolder(dirname(first))
  } catch (cause) {
    throw notWritten(path, cause)
  }
}

/** A new name in a folder is durable only when the folder is. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  await folder.sync()
}

/**
 * InputError unless only the operator (or root) can change what is at `path`: what is run is what stands in these files.
 * Says how to mend it. A path that is not there is left to whoever opens it.
 */
export async function refuseWritableByOthers(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found === null) return
  const sticky = (found.mode & 0o1000) !== 0
  if ((found.mode & 0o022) !== 0 && !sticky) {
    throw new InputError(`${path} can be written by others (mode ${(found.mode & 0o777).toString(8)})`, {
      next: `see that it is as you left it, then: chmod go-w ${path}`,
    })
  }
  const self = process.getuid?.()
  if (self !== undefined && found.uid !== self && found.uid !== 0 && self !== 0) {
    throw new InputError(`${path} belongs to user ${found.uid}, who can change it`, {
      next: `see that it is as you left it, then: sudo chown ${self} ${path}`,
    })
  }
}

/** One write call: a partial one is an error, because the rest would come as a second write. */
export async function writeOnce(file: FileHandle, bytes: Uint8Array): Promise<void> {
  const { bytesWritten } = await file.write(bytes)
  if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`)
}
