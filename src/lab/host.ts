import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { FailedError, InputError } from '../errors.ts'

export interface Finished {
  /** Exit code; 128 + signal number when a signal ended it, as a shell says. */
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  stdin?: string
  env?: Record<string, string>
  cwd?: string
}

/** Runs a program of this machine to its end. Throws only when it cannot be started. */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<Finished> {
  const [program, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    // A program may end without reading its input; its exit code tells what that meant.
    child.stdin.on('error', () => {})
    child.stdin.end(options.stdin ?? '')
    child.on('error', (error) => reject(new FailedError(`cannot start ${program}: ${error.message}`)))
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? 128 + signalNumber(signal),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    )
  })
}

/** As `run`, for what must succeed: gives the output, or throws with what the program said. */
export async function must(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code === 0) return stdout
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(-5).join('\n')
  throw new FailedError(`${argv.slice(0, 6).join(' ')} ended with ${code}: ${said || 'no message'}`)
}

/** As `run`, with this terminal passed through. */
export function runAttached(argv: readonly [string, ...string[]], env: Record<string, string> = {}): Promise<number> {
  const [program, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } })
    // Ctrl-C reaches the whole foreground group: the child decides what it means, and its exit code is passed on.
    const ignore = () => {}
    process.on('SIGINT', ignore)
    child.on('error', (error) => reject(new FailedError(`cannot start ${program}: ${error.message}`)))
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore)
      resolve(code ?? 128 + signalNumber(signal))
    })
  })
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal as string] ?? 0
}

/** Waits until `ready` gives a value, looking every `everyMs`; throws with what `waitingFor` says when time is up. */
export async function until<T>(
  what: { waitingFor: () => string; timeoutMs: number; everyMs?: number },
  ready: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + what.timeoutMs
  for (;;) {
    const value = await ready()
    if (value !== undefined) return value
    if (performance.now() > deadline) {
      throw new FailedError(`waited ${Math.round(what.timeoutMs / 1000)} s for ${what.waitingFor()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, what.everyMs ?? 100))
  }
}

const hostPackages = [
  ['debootstrap', '/usr/sbin/debootstrap'],
  ['debian-archive-keyring', '/usr/share/keyrings/debian-archive-keyring.gpg'],
  ['systemd-container', '/usr/bin/systemd-nspawn'],
  ['iproute2', '/usr/sbin/ip|/sbin/ip|/usr/bin/ip'],
  ['openssh-client', '/usr/bin/ssh-keyscan'],
  ['util-linux', '/usr/bin/nsenter'],
  ['procps', '/usr/sbin/sysctl|/sbin/sysctl'],
  ['kmod', '/usr/sbin/modprobe|/sbin/modprobe'],
] as const

/** Containers with a systemd, networks and mounts of their own. */
export const canMakeNodes = (): boolean => process.platform === 'linux' && process.getuid?.() === 0

/** Throws InputError where containers cannot be made or seen. */
export function requireRoot(): void {
  if (!canMakeNodes()) {
    throw new InputError('the practice cluster is made of Linux containers and needs root', {
      next: 'run the same command as root on a Debian or Ubuntu machine (sudo npm run migrate -- lab up)',
    })
  }
}

/** What the practice cluster needs of this machine. Says what is missing, and why, before it installs it. */
export async function prepareHost(say: (line: string) => void): Promise<void> {
  requireRoot()
  await installMissing(hostPackages, 'the nodes are built with debootstrap and run by systemd-nspawn', say)
  await loadModules(say)
}

/**
 * Installs Debian packages by apt-get, saying so before.
 * @param packages each with a file of its own, or several with `|` between: where one is there, it is installed
 * @throws InputError where there is no apt-get
 */
export async function installMissing(
  packages: readonly (readonly [name: string, files: string])[],
  why: string,
  say: (line: string) => void,
): Promise<void> {
  const missing = packages.filter(([, files]) => !files.split('|').some(existsSync)).map(([name]) => name)
  if (missing.length === 0) return
  if (!existsSync('/usr/bin/apt-get')) {
    throw new InputError(`missing on this machine: ${missing.join(', ')}`, {
      next: 'install these packages; it can be done by itself only where there is apt-get',
    })
  }
  say(`installing ${missing.join(', ')} with apt-get: ${why}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await must(['apt-get', 'update', '-q'], { env })
  await must(['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...missing], { env })
}

/** A node cannot load kernel modules. What the kernel does not load when first used is loaded here. */
async function loadModules(say: (line: string) => void): Promise<void> {
  if (!/\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8'))) {
    say('loading the kernel module overlay: the nodes share one root file system')
    await must(['modprobe', 'overlay'])
  }
  if (!existsSync('/proc/sys/net/bridge')) {
    say(
      "loading the kernel module br_netfilter: the nodes need it as a K3s node does; this machine's bridges are kept out",
    )
    await must(['modprobe', 'br_netfilter'])
    // The setting is per network namespace: nodes get the default 1, this machine goes on as if nothing was loaded.
    const off = ['iptables', 'ip6tables', 'arptables'].map((table) => `net.bridge.bridge-nf-call-${table}=0`)
    await must(['sysctl', '-q', '-w', ...off])
  }
}
