import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { paths } from '../../context.ts'
import { readIfThere } from '../files.ts'

const exits = join(paths.runtime, 'exits')

/**
 * What containerd-shim is to a container: it outlives K3s, waits for the program and keeps its exit code. It passes
 * SIGTERM by (a trap is not inherited, an ignored signal would be).
 */
const shim = 'trap : TERM INT; "$@"; echo $? > "$0.part"; mv "$0.part" "$0"'

export interface Launch {
  containerId: string
  argv: readonly string[]
  env: Record<string, string>
  /** Null: the host's network. */
  netns: string | null
  logPath: string
  onExit: () => void
}

export interface Started {
  pid: number
  startTicks: string
}

/** Starts a program in a process group of its own, in its network namespace, with its output in its log. */
export async function launch(request: Launch): Promise<Started> {
  await mkdir(exits, { recursive: true })
  mkdirSync(dirname(request.logPath), { recursive: true })
  const log = openSync(request.logPath, 'a')
  const enter = request.netns === null ? [] : ['nsenter', `--net=${request.netns}`, '--']
  try {
    const child = spawn('/bin/sh', ['-c', shim, join(exits, request.containerId), ...enter, ...request.argv], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: request.env,
    })
    child.on('exit', request.onExit)
    child.unref()
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    const pid = child.pid ?? 0
    return { pid, startTicks: startTicks(pid) ?? '' }
  } finally {
    closeSync(log)
  }
}

/** When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); null when it is gone or a zombie. */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

export function isRunning(process: Started): boolean {
  return process.startTicks !== '' && startTicks(process.pid) === process.startTicks
}

/** Exit code of a container that has ended; 137 when it was killed together with its shim. */
export async function exitCodeOf(containerId: string): Promise<number> {
  const text = await readIfThere(join(exits, containerId))
  const code = Number.parseInt(text ?? '', 10)
  return Number.isNaN(code) ? 137 : code
}

/** SIGTERM to the group, SIGKILL after the grace. Returns when it is gone. */
export async function terminate(started: Started, graceMs: number): Promise<void> {
  if (!isRunning(started)) return
  signalGroup(started.pid, 'SIGTERM')
  if (await isGoneWithin(started, graceMs)) return
  signalGroup(started.pid, 'SIGKILL')
  await isGoneWithin(started, 10_000)
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Gone between the look and the signal.
  }
}

async function isGoneWithin(started: Started, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs
  // A process that is not a child (adopted after a restart) can only be looked at.
  while (isRunning(started)) {
    if (Date.now() >= end) return false
    await delay(20)
  }
  return true
}
