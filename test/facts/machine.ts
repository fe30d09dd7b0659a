import { spawn, spawnSync } from 'node:child_process'
import type { Command, Node, Outcome } from '../../src/nodes/node.ts'

/** Runs a process to its end. */
function ended(argv: readonly string[], stdin: string | Uint8Array): Promise<Outcome> {
  const [program = '', ...args] = argv
  const startedMs = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'pipe' })
    const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
    child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk))
    child.on('error', reject)
    child.stdin.on('error', () => undefined)
    child.on('close', (code) =>
      resolve({
        kind: 'exited',
        code: code ?? 128,
        stdout: Buffer.concat(chunks.stdout).toString('utf8'),
        stderr: Buffer.concat(chunks.stderr).toString('utf8'),
        durationMs: performance.now() - startedMs,
      }),
    )
    child.stdin.end(stdin)
  })
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Why no machine can be made here; undefined: it can. */
export const noMachine =
  process.getuid?.() !== 0
    ? 'needs root'
    : spawnSync('unshare', ['-m', '-n', 'true']).status !== 0
      ? 'needs namespaces'
      : undefined

export interface Machine {
  /** By absolute path, under /etc, /opt, /var/lib or /run. */
  files?: Readonly<Record<string, string>>
  /** sh scripts, found before the host's programs of that name. */
  programs?: Readonly<Record<string, string>>
  /** Lines of sh run first: links, rules, modes. */
  setup?: string
  /** Everything that was sent and said, for what must not be in it. */
  log?: string[]
}

/**
 * A node for one command: mount and network namespaces of its own, /etc laid over, /opt, /var/lib and /run empty. Nothing of it
 * is left when the command has ended.
 */
export function machine(name: string, { files = {}, programs = {}, setup = '', log = [] }: Machine): Node {
  const write = (path: string, text: string, mode: string) =>
    `mkdir -p "$(dirname ${quoted(path)})"; printf %s ${quoted(text)} >${quoted(path)}; chmod ${mode} ${quoted(path)}`
  const make = `set -e
export PATH=$PATH:/usr/sbin:/sbin
mount --make-rprivate /
mount -t tmpfs none /mnt
mkdir /mnt/etc /mnt/work /mnt/bin
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work none /etc
for dir in /opt /var/lib /run; do mount -t tmpfs none $dir; done
# A new link's own IPv6 addresses come a second later, by themselves: nothing else may move here.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
${Object.entries(files)
  .map(([path, text]) => write(path, text, '600'))
  .join('\n')}
${Object.entries(programs)
  .map(([program, text]) => write(`/mnt/bin/${program}`, `#!/bin/sh\n${text}\n`, '755'))
  .join('\n')}
${setup}
export PATH=/mnt/bin:$PATH
exec "$@"`
  return {
    name,
    async run(command: Command) {
      const outcome = await ended(['unshare', '-m', '-n', 'sh', '-c', make, 'sh', ...command.argv], command.stdin ?? '')
      log.push(outcome.stdout, outcome.stderr)
      return outcome
    },
    connect: () => Promise.reject(new Error('not part of this machine')),
    reconnect: () => Promise.resolve(),
  }
}
