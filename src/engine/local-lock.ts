import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { syncFolder } from './durable-file.ts'
import type { LockOwner, LockPlace } from './lock.ts'

/** A lock's content, wherever it is kept. */
export const lockOwnerSchema: z.ZodType<LockOwner> = z.strictObject({
  nonce: z.string().min(1),
  runId: z.string(),
  cluster: z.string(),
  user: z.string(),
  host: z.string(),
  pid: z.int(),
  bootId: z.string(),
  since: z.string(),
})

/** A lock file on the operator's machine, 0600. It comes into being with its whole content, so it is never seen half-written. */
export function localLock(path: string): LockPlace {
  const inspect = async (): Promise<LockOwner | null> => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    return text === null ? null : parseLock(path, text)
  }
  return {
    name: path,
    inspect,
    async acquire(owner) {
      const draft = `${path}.${randomUUID()}`
      {
        await using file = await open(draft, 'wx', 0o600)
        await file.writeFile(`${JSON.stringify(owner)}\n`)
        await file.sync()
      }
      try {
        // link fails when the name is taken, as O_EXCL does.
        await link(draft, path)
        await syncFolder(dirname(path))
        return 'taken'
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        // Gone since: its owner gave it up, so the next try may have it.
        return (await inspect()) ?? (await localLock(path).acquire(owner))
      } finally {
        await rm(draft, { force: true })
      }
    },
    async release(nonce) {
      if ((await inspect())?.nonce !== nonce) return
      await rm(path, { force: true })
      await syncFolder(dirname(path))
    },
  }
}

function parseLock(path: string, text: string): LockOwner {
  try {
    return lockOwnerSchema.parse(JSON.parse(text))
  } catch (cause) {
    const next = `when no other migrate runs against this cluster: rm ${path}`
    throw new InputError(`${path} is not a lock that this program wrote`, { next }, cause)
  }
}

/** USER_HZ: what /proc counts a process's start in, the same on every Linux that Node runs on. */
const ticksPerSecond = 100
/** The boot time is told in whole seconds. */
const toleranceMs = 1_000

/** When a process began; null: there is none, or it has ended and only its parent does not know; undefined: /proc does not tell. */
function startedMs(pid: number): number | null | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return null
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1])
    return Number.isFinite(boot) ? (boot + Number(fields[18]) / ticksPerSecond) * 1_000 : undefined
  } catch {
    return undefined
  }
}

type Process = Pick<LockOwner, 'host' | 'bootId' | 'pid' | 'since'>

/**
 * Whether the process that took a lock may still run, seen from `self`. Another host cannot be asked: it may. A process
 * of an earlier boot of this host, or one that is no more, is gone; so is one whose number somebody else has by now, which
 * shows by having begun after the lock was taken.
 */
export function mayBeAlive(owner: Process, self: Process): boolean {
  if (owner.host !== self.host) return true
  if (owner.bootId !== self.bootId || owner.pid === self.pid) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const begun = startedMs(owner.pid)
  if (begun === undefined) return true
  return begun !== null && begun <= Date.parse(owner.since) + toleranceMs
}

/** This boot of this machine; where Linux does not tell, the process itself is the best there is. */
export async function readBootId(): Promise<string> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => `process-${process.pid}`)
  return text.trim()
}
