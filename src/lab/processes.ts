import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { until } from './host.ts'

/** A process by what no other process can share: a pid is used again, a pid with its start time is not. */
export interface ProcessId {
  pid: number
  /** Clock ticks since the machine's boot (proc(5), stat, field 22). */
  startTicks: number
}

/** The process as it is now; undefined when there is none, or only its zombie. */
export function processAt(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything: fields are counted from its end.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : { pid, startTicks: Number(fields[18]) }
  } catch {
    return undefined
  }
}

export const isAlive = (id: ProcessId) => processAt(id.pid)?.startTicks === id.startTicks

/** Reads the file that the boot script writes; undefined when there is none or it is not of this boot. */
export function readProcessId(file: string): ProcessId | undefined {
  try {
    const [pid, startTicks] = readFileSync(file, 'utf8').trim().split(' ').map(Number)
    const id = z.object({ pid: z.int().min(2), startTicks: z.int() }).parse({ pid, startTicks })
    return isAlive(id) ? id : undefined
  } catch {
    return undefined
  }
}

export function childrenOf(pid: number): ProcessId[] {
  try {
    const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    return pids.flatMap((child) => processAt(Number(child)) ?? [])
  } catch {
    return []
  }
}

/** SIGKILL, and back when they are gone. Never signals a pid that has become another process. */
export async function killHard(ids: readonly ProcessId[]): Promise<void> {
  for (const id of ids) {
    try {
      if (isAlive(id)) process.kill(id.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  const left = () => ids.filter(isAlive)
  await until(
    { waitingFor: () => `process ${left().map((id) => id.pid)} to end after SIGKILL`, timeoutMs: 20_000, everyMs: 20 },
    () => (left().length === 0 ? true : undefined),
  )
}
