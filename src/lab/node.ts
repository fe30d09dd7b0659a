import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { FailedError } from '../errors.ts'
import { application } from './application.ts'
import { bootScript, initScript } from './boot.ts'
import { makeCgroups, removeCgroups } from './cgroups.ts'
import { type Finished, type RunOptions, run, until } from './host.ts'
import { cgroupOf, namespaceOf, nodeDir } from './layout.ts'
import { plug, unplug } from './links.ts'
import { childrenOf, isAlive, killHard, type ProcessId, readProcessId } from './processes.ts'

/** One node as the lab knows it. Addresses are those inside the lab. */
export interface Machine {
  lab: string
  name: string
  address: string
  /** Folder of the common root file system. */
  rootfs: string
}

/** What a node has of its own, written into its layer before it first boots. Owner is root unless `uid` says otherwise. */
export interface OwnFile {
  path: string
  content: string | Uint8Array
  mode: number
  uid?: number
}

/** Lays down a node's own files: names, host keys, who may log in, and `files`. Nothing runs yet. */
export async function createMachine(
  machine: Machine,
  hosts: readonly { name: string; address: string }[],
  authorizedKey: string,
  files: readonly OwnFile[],
): Promise<void> {
  const dir = nodeDir(machine.lab, machine.name)
  for (const folder of ['upper', 'work', 'root', 'rancher', 'faults']) makeFolder(`${dir}/${folder}`)
  const etcHosts = [
    '127.0.0.1\tlocalhost',
    '::1\t\tlocalhost ip6-localhost ip6-loopback',
    ...hosts.map(({ name, address }) => `${address}\t${name}`),
  ]
  const own: OwnFile[] = [
    { path: '/usr/lib/migrate-lab/init', content: initScript, mode: 0o755 },
    { path: '/etc/hostname', content: `${machine.name}\n`, mode: 0o644 },
    { path: '/etc/machine-id', content: `${randomBytes(16).toString('hex')}\n`, mode: 0o444 },
    { path: '/etc/hosts', content: `${etcHosts.join('\n')}\n`, mode: 0o644 },
    { path: '/etc/resolv.conf', content: 'nameserver 192.168.77.1\n', mode: 0o644 },
    { path: '/root/.ssh/authorized_keys', content: authorizedKey, mode: 0o600 },
    { path: '/home/operator/.ssh/authorized_keys', content: authorizedKey, mode: 0o600, uid: 1000 },
    { path: '/home/operatorpw/.ssh/authorized_keys', content: authorizedKey, mode: 0o600, uid: 1001 },
  ]
  for (const file of [...own, ...files]) writeOwnFile(machine, file)
  makeOwnFolder(machine, '/etc/ssh')
  // All of Debian's key types, by the program that Debian makes them with.
  const made = await run(['ssh-keygen', '-A', '-f', `${dir}/upper`])
  if (made.code !== 0) throw new FailedError(`ssh-keygen for ${machine.name} ended with ${made.code}: ${made.stderr}`)
}

/** Writes into the node's layer. Only while the node is off: a mounted overlay does not expect it. */
function writeOwnFile(machine: Machine, file: OwnFile): void {
  const upper = `${nodeDir(machine.lab, machine.name)}/upper`
  makeOwnFolder(machine, dirname(file.path), file.uid)
  const path = `${upper}${file.path}`
  writeFileSync(path, file.content)
  chmodSync(path, file.mode)
  if (file.uid !== undefined) chownSync(path, file.uid, 100)
}

/** Makes a folder in the node's layer. It shadows the common root's of that name and must have the same mode and owner. */
export function makeOwnFolder(machine: Machine, path: string, uid?: number): void {
  const upper = `${nodeDir(machine.lab, machine.name)}/upper`
  let made = upper
  for (const part of path.split('/').filter(Boolean)) {
    made = `${made}/${part}`
    if (existsSync(made)) continue
    const secret = part === '.ssh' || made === `${upper}/root` || made.startsWith(`${upper}/home/operator`)
    makeFolder(made, secret ? 0o700 : 0o755)
    if (uid !== undefined && made !== `${upper}/home`) chownSync(made, uid, 100)
  }
}

/** Nodes must not depend on the umask of who made them. */
function makeFolder(path: string, mode = 0o755): void {
  mkdirSync(path, { recursive: true })
  chmodSync(path, mode)
}

/** The host keys that sshd of the node will show, as lines for known_hosts. */
export function hostKeysOf(machine: Machine): string[] {
  return ['ed25519', 'ecdsa', 'rsa'].map((type) => {
    const file = `${nodeDir(machine.lab, machine.name)}/upper/etc/ssh/ssh_host_${type}_key.pub`
    const [kind, key] = readFileSync(file, 'utf8').split(' ')
    return `${machine.address} ${kind} ${key}`
  })
}

const pidFile = (lab: string, node: string) => `${nodeDir(lab, node)}/pid`

/** The node's systemd as this machine sees it; undefined while the node is off or has not begun to boot. */
export function leaderOf(lab: string, node: string): ProcessId | undefined {
  const supervisor = readProcessId(pidFile(lab, node))
  return supervisor === undefined ? undefined : childrenOf(supervisor.pid).find(isPidOneInside)
}

/** systemd-nspawn also has short-lived children of its own; the node's first process says so in /proc. */
function isPidOneInside(id: ProcessId): boolean {
  try {
    const [, pids] = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${id.pid}/status`, 'utf8')) ?? []
    return pids?.split('\t').at(-1) === '1'
  } catch {
    return false
  }
}

/** Plugs the node in and boots it; back when sshd shows the node's own key and root may log in. */
export async function powerOn(machine: Machine): Promise<void> {
  const { lab, name, address } = machine
  const dir = nodeDir(lab, name)
  if (readProcessId(pidFile(lab, name)) !== undefined) throw new FailedError(`${name} is on already`)
  await plug(lab, name, address)
  const cgroups = makeCgroups(lab, name)
  const binds = [
    '--bind=/dev/kmsg',
    // containerd's overlay snapshots cannot stand on an overlay.
    `--bind=${dir}/rancher:/var/lib/rancher`,
    `--bind=${dir}/faults:/var/lib/migrate-lab/faults`,
    ...application().binds.map(([from, to]) => `--bind-ro=${from}:${to}`),
  ]
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--private-users=no', '--capability=all'],
    ...[`--network-namespace-path=/run/netns/${namespaceOf(lab, name)}`, '--kill-signal=SIGRTMIN+3'],
    ...['--resolv-conf=off', '--timezone=off', '--link-journal=no', '--console=pipe', `--hostname=${name}`],
    ...[...binds, '-M', cgroupOf(lab, name), '-D', `${dir}/root`, '/usr/lib/migrate-lab/init'],
  ]
  const boot = [
    bootScript,
    'sh',
    pidFile(lab, name),
    machine.rootfs,
    dir,
    String(cgroups.length),
    ...cgroups,
    ...nspawn,
  ]
  rmSync(pidFile(lab, name), { force: true })
  const console = openSync(`${dir}/console.log`, 'a', 0o600)
  const child = spawn('unshare', ['--mount', '--propagation', 'slave', 'sh', '-eu', '-c', ...boot], {
    // It outlives us, and Ctrl-C in our terminal is not meant for it.
    detached: true,
    stdio: ['ignore', console, console],
    // containerd in the node needs system calls that nspawn's filter forbids (bpf, keyctl, add_key, ...).
    env: { PATH: process.env.PATH, SYSTEMD_SECCOMP: '0' },
  })
  child.unref()
  closeSync(console)
  await Promise.race([
    waitForSsh(machine),
    new Promise<never>((_, reject) => {
      child.on('error', (error) => reject(new FailedError(`cannot start unshare: ${error.message}`)))
      child.on('exit', (code) =>
        reject(
          new FailedError(`${name} did not boot (${code}): ${lastLines(`${dir}/console.log`)}`, {
            host: name,
            next: `look at ${dir}/console.log`,
          }),
        ),
      )
    }),
  ])
  child.removeAllListeners()
}

async function waitForSsh(machine: Machine): Promise<void> {
  const { lab, name, address } = machine
  const [expected] = hostKeysOf(machine)
  const scan = ['ssh-keyscan', '-T', '2', '-t', 'ed25519', address]
  await until(
    { waitingFor: () => `sshd on ${name} (${address}) to show its host key`, timeoutMs: 60_000 },
    async () => {
      // Until its users may log in, systemd keeps /run/nologin there.
      const leader = leaderOf(lab, name)
      if (leader === undefined || existsSync(`/proc/${leader.pid}/root/run/nologin`)) return undefined
      const { stdout } = await run(['nsenter', `--net=/run/netns/${namespaceOf(lab, 'operator')}`, '--', ...scan])
      return stdout.trim() === expected ? true : undefined
    },
  )
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n')
}

/**
 * Ends the node as a power failure does: every process at once, /run, links and rules lost, files kept (also those not yet
 * synced: the page cache is this machine's). Also takes a half-started or absent node away.
 */
export async function powerOff(lab: string, node: string): Promise<void> {
  const supervisor = readProcessId(pidFile(lab, node))
  if (supervisor !== undefined) await killHard([...childrenOf(supervisor.pid), supervisor].filter(isAlive))
  rmSync(pidFile(lab, node), { force: true })
  await unplug(lab, node)
  await removeCgroups(lab, node)
}

const insidePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs a program in the node, as root, past sshd: for the lab itself and for tests that look behind the product's back. */
export async function execIn(
  lab: string,
  node: string,
  argv: readonly [string, ...string[]],
  options: Pick<RunOptions, 'stdin'> = {},
): Promise<Finished> {
  const leader = leaderOf(lab, node)
  if (leader === undefined) throw new FailedError(`${node} is off`, { host: node })
  const enter = [
    'nsenter',
    `--target=${leader.pid}`,
    '--mount',
    '--uts',
    '--ipc',
    '--net',
    '--pid',
    '--root',
    '--wd=/',
  ] as const
  const env = ['env', '-i', '--chdir=/', `PATH=${insidePath}`, 'HOME=/root', 'LANG=C.UTF-8']
  return await run([...enter, '--', ...env, ...argv], options)
}
