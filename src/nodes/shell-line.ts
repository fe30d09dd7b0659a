import { randomBytes } from 'node:crypto'
import type { RawOutcome } from './connection.ts'
import { quoteAll } from './quote.ts'
import { bytesOf } from './text.ts'

/**
 * Runs its arguments, after it said a mark on both outputs. Whatever login shells, banners and sudo print comes before the
 * mark and is cut off; and without a mark the command did not start. PATH is completed because neither sshd's nor sudo's
 * has to hold the places of iptables and k3s; LC_ALL because output is parsed.
 */
const launcher =
  'printf %s "$0"; printf %s "$0" >&2; LC_ALL=C; PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; ' +
  'export LC_ALL PATH; exec "$@"'

/** The same, but first skips stdin up to a line that is the mark: a password that sudo did not ask for is never passed on. */
const launcherAfterPassword = `while IFS= read -r line && [ "$line" != "$0" ]; do :; done; ${launcher}`

export interface ShellLine {
  line: string
  stdin: Uint8Array | undefined
  mark: string
}

/** How root rights are had: not at all, without a password, or with this one. */
export type Elevation = { kind: 'none' } | { kind: 'sudo' } | { kind: 'password'; password: string }

export function shellLine(
  argv: readonly string[],
  stdin: string | Uint8Array | undefined,
  elevation: Elevation,
): ShellLine {
  const mark = `<${randomBytes(9).toString('base64url')}>`
  const input = typeof stdin === 'string' ? bytesOf(stdin) : stdin
  if (elevation.kind !== 'password') {
    const sudo = elevation.kind === 'sudo' ? ['env', 'LC_ALL=C', 'sudo', '-n', '--'] : []
    return { line: quoteAll([...sudo, 'sh', '-c', launcher, mark, ...argv]), stdin: input, mark }
  }
  // -k: sudo asks although a ticket may be there, so that it is certain who reads the first line.
  const sudo = ['env', 'LC_ALL=C', 'sudo', '-k', '-S', '-p', '', '--']
  const line = quoteAll([...sudo, 'sh', '-c', launcherAfterPassword, mark, ...argv])
  const prefix = Buffer.from(`${elevation.password}\n${mark}\n`)
  return { line, stdin: input ? Buffer.concat([prefix, input]) : prefix, mark }
}

export interface Unwrapped {
  started: boolean
  stdout: Buffer
  stderr: Buffer
}

/** Cuts off what came before the mark. Where the command did not start, everything is kept: it says why. */
export function unwrap(raw: Pick<RawOutcome, 'stdout' | 'stderr'>, mark: string): Unwrapped {
  const started = raw.stdout.includes(mark) || raw.stderr.includes(mark)
  const after = (bytes: Buffer) => {
    const index = bytes.indexOf(mark)
    return index < 0 ? (started ? Buffer.alloc(0) : bytes) : bytes.subarray(index + Buffer.byteLength(mark))
  }
  return { started, stdout: after(raw.stdout), stderr: after(raw.stderr) }
}
