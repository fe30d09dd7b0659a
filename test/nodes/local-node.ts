import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command, Node, Outcome } from '../../src/nodes/node.ts'

/** Stands for systemd: runs units in the background and remembers them by a file. Only what transient.ts uses. */
const systemdRun = `#!/bin/sh
while [ "$1" != -- ]; do
  case $1 in --unit=*) unit=\${1#--unit=} ;; --property=RuntimeMaxSec=*) max=\${1##*=} ;; esac
  shift
done
shift
mkdir "$UNITS/$unit" 2>/dev/null || { echo "Unit $unit.service already exists." >&2; exit 1; }
echo "$unit" >> "$UNITS/../launched"
# What systemd does to a unit's arguments.
dollars='s/\\$\\$|\\$\\{\\w*\\}/$& eq q($$) ? q($) : q()/ge for @ARGV; exec @ARGV'
set -- perl -e "$dollars" -- "$@"
setsid sh -c 'echo $$ > "$0/pid"; max=$1; shift; timeout --foreground -s KILL "$max" "$@"; rm -r "$0"' \\
  "$UNITS/$unit" "$max" "$@" >/dev/null 2>&1 </dev/null &
while [ ! -s "$UNITS/$unit/pid" ] && [ -d "$UNITS/$unit" ]; do sleep 0.01; done
`
const systemctl = `#!/bin/sh
for last do :; done
unit=\${last%.service}
case $1 in
  show) if [ -d "$UNITS/$unit" ]; then echo active; else echo inactive; fi ;;
  is-active) [ -d "$UNITS/$unit" ] ;;
  stop)
    [ -d "$UNITS/$unit" ] || exit 5
    group=$(cat "$UNITS/$unit/pid")
    kill -s TERM -- "-$group"
    while kill -s 0 -- "-$group" 2>/dev/null; do sleep 0.01; done
    rm -rf "$UNITS/$unit" ;;
  *) exit 0 ;;
esac
`

export interface LocalNode extends Node {
  /** Folder that the node has as /var/lib. */
  varLib: string
  root: string
  /** Programs here come first in PATH. */
  bin: string
  /** Called before each command; may throw or give another outcome. */
  before: ((command: Command) => Outcome | undefined) | undefined
  remove(): void
}

/** A node that is this machine, with a /var/lib and a systemd of its own: real shells and real coreutils without SSH. */
export function localNode(name = 'n1'): LocalNode {
  const root = mkdtempSync(join(tmpdir(), 'local-node-'))
  const varLib = join(root, 'lib')
  const bin = join(root, 'bin')
  const units = join(root, 'units')
  for (const folder of [varLib, bin, units]) mkdirSync(folder)
  for (const [program, text] of Object.entries({ 'systemd-run': systemdRun, systemctl })) {
    writeFileSync(join(bin, program), text)
    chmodSync(join(bin, program), 0o755)
  }
  const namespaces = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
  const enter = 'mount --bind "$0" /var/lib && exec "$@"'
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, UNITS: units, LC_ALL: 'C' }
  const node: LocalNode = {
    name,
    varLib,
    root,
    bin,
    before: undefined,
    async run(command) {
      const instead = node.before?.(command)
      if (instead) return instead
      return execute(['unshare', ...namespaces, 'sh', '-c', enter, varLib, ...command.argv], command, env)
    },
    async connect(host, port) {
      return net.connect(port, host)
    },
    async reconnect() {},
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
  return node
}

function execute(argv: readonly string[], command: Command, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = argv
    const child = spawn(program, args, { env, timeout: command.timeoutMs })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {})
    child.stdin.end(command.stdin)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const texts = {
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
        durationMs: Math.round(performance.now() - start),
      }
      resolve(
        code === null ? { kind: 'signalled', signal: signal ?? '', ...texts } : { kind: 'exited', code, ...texts },
      )
    })
  })
}
