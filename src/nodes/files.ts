import { createHash } from 'node:crypto'
import { FailedError } from '../errors.ts'
import { CommandFailed, OutcomeUnknown } from './errors.ts'
import type { Node } from './node.ts'
import { mustRun, script, scriptWithInput } from './run.ts'

const timeoutMs = 60_000

export interface FileMeta {
  /** Permission bits: 0o600. */
  mode: number
  uid: number
  gid: number
}

export interface RemoteFile extends FileMeta {
  bytes: Uint8Array
  /** Hex, of `bytes`. */
  sha256: string
}

/** Exit codes by which the scripts here say that they refused, and did nothing. */
const refusals: Readonly<Record<number, string>> = {
  90: 'is not a regular file',
  91: 'is not what was expected: somebody else changed it',
  92: 'has no parent folder',
  93: 'arrived incomplete; it was not put in place',
}

const readScript = `[ -e "$1" ] || [ -L "$1" ] || { echo absent; exit 0; }
[ -f "$1" ] || exit 90
stat -L -c '%a %u %g %s' -- "$1" && base64 < "$1"`

/** Reads a whole file, whatever its bytes (up to 20 MiB; links are followed). null: there is none. */
export async function readFile(node: Node, path: string): Promise<RemoteFile | null> {
  const { stdout } = await orRefusal(node, path, () =>
    mustRun(node, { ...script('read-file', readScript, [path]), mode: 'read', timeoutMs }),
  )
  if (stdout === 'absent\n') return null
  const match = /^([0-7]{1,4}) (\d+) (\d+) (\d+)\n([A-Za-z0-9+/=\n]*)$/.exec(stdout)
  if (!match)
    throw new FailedError(`${node.name}: ${path}: stat or base64 said something unexpected`, { host: node.name })
  const [, mode = '', uid, gid, size, content = ''] = match
  const bytes = Buffer.from(content, 'base64')
  if (bytes.length !== Number(size))
    throw new FailedError(`${node.name}: ${path} changed while it was read`, { host: node.name, next: 'try again' })
  return { bytes, sha256: sha256(bytes), mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) }
}

const digestOf = `digest() { if [ -e "$1" ]; then [ -f "$1" ] || exit 90; sha256sum < "$1" | cut -d' ' -f1; else echo absent; fi; }`

// sync FILE is coreutils' fsync; elsewhere a plain sync does more than is needed.
const writeScript = `set -eu
umask 077
path=$1 before=$2 after=$3 mode=$4 owner=$5
${digestOf}
persist() { sync -- "$1" 2>/dev/null || sync; }
target=$(readlink -f -- "$path") || exit 92
folder=$(dirname -- "$target")
[ -d "$folder" ] || exit 92
now=$(digest "$target") || exit 90
[ "$now" = "$before" ] || [ "$now" = "$after" ] || exit 91
new=$(mktemp "$folder/.cni-migrate.XXXXXX")
trap 'rm -f -- "$new"' EXIT
cat > "$new"
[ "$(digest "$new")" = "$after" ] || exit 93
chown "$owner" -- "$new"
chmod "$mode" -- "$new"
persist "$new"
now=$(digest "$target") || exit 90
[ "$now" = "$before" ] || [ "$now" = "$after" ] || exit 91
mv -fT -- "$new" "$target"
persist "$folder"`

export interface WriteOptions extends FileMeta {
  /** Hex sha256 of what must be there before, or null: there must be no file. */
  expectedSha256Before: string | null
}

/**
 * Replaces a file in one step: others see the old or the new one, never a part. Already being as wanted is fine, so it can
 * be run twice. A link is followed and stays one. The parent folder must exist.
 * @throws FailedError when the file is neither as expected nor as wanted: nothing was done
 */
export async function writeFileAtomic(
  node: Node,
  path: string,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<{ sha256: string }> {
  const after = sha256(bytes)
  const args = [
    path,
    options.expectedSha256Before ?? 'absent',
    after,
    options.mode.toString(8),
    `${options.uid}:${options.gid}`,
  ]
  await orRefusal(node, path, () =>
    mustRun(node, { ...scriptWithInput('write-file', writeScript, args, bytes), mode: 'write', timeoutMs }),
  )
  return { sha256: after }
}

const removeScript = `set -eu
path=$1 before=$2
${digestOf}
[ -L "$path" ] && exit 90
now=$(digest "$path") || exit 90
[ "$now" = absent ] && exit 0
[ "$now" = "$before" ] || exit 91
rm -- "$path"
sync -- "$(dirname -- "$path")" 2>/dev/null || sync`

/**
 * Removes a file that still is what it was; already gone is fine.
 * @throws FailedError when it is something else
 */
export async function removeFile(node: Node, path: string, expectedSha256: string): Promise<void> {
  await orRefusal(node, path, () =>
    mustRun(node, { ...script('remove-file', removeScript, [path, expectedSha256]), mode: 'write', timeoutMs }),
  )
}

const statScript = `for path do
  if [ -e "$path" ] || [ -L "$path" ]; then stat -c '%F|%a|%u|%g|%s' -- "$path" || exit 1; else echo absent; fi
done`

export interface Stat extends FileMeta {
  type: 'file' | 'folder' | 'link' | 'other'
  /** Bytes. */
  size: number
}

const types: Readonly<Record<string, Stat['type']>> = {
  'regular file': 'file',
  'regular empty file': 'file',
  directory: 'folder',
  'symbolic link': 'link',
}

/** What stands at each path (links are not followed); null: nothing. One round trip. */
export async function statMany(node: Node, paths: readonly string[]): Promise<Map<string, Stat | null>> {
  const result = new Map<string, Stat | null>()
  if (paths.length === 0) return result
  const { stdout } = await mustRun(node, { ...script('stat-many', statScript, paths), mode: 'read', timeoutMs })
  const lines = stdout.trimEnd().split('\n')
  for (const [index, path] of paths.entries()) {
    const match = /^([a-z ]+)\|([0-7]{1,4})\|(\d+)\|(\d+)\|(\d+)$/.exec(lines[index] ?? '')
    if (!match && lines[index] !== 'absent')
      throw new FailedError(`${node.name}: ${path}: stat said something unexpected`, { host: node.name })
    const [, type = '', mode = '', uid, gid, size] = match ?? []
    result.set(
      path,
      match
        ? {
            type: types[type] ?? 'other',
            mode: Number.parseInt(mode, 8),
            uid: Number(uid),
            gid: Number(gid),
            size: Number(size),
          }
        : null,
    )
  }
  return result
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function orRefusal<T>(node: Node, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    const refusal = error instanceof CommandFailed && error.code !== null ? refusals[error.code] : undefined
    if (refusal === undefined || error instanceof OutcomeUnknown) throw error
    throw new FailedError(`${node.name}: ${path} ${refusal}`, {
      host: node.name,
      next: `look at ${path} on ${node.name}`,
    })
  }
}
