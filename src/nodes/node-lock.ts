import { lockOwnerSchema } from '../engine/local-lock.ts'
import type { LockOwner, LockPlace } from '../engine/lock.ts'
import { FailedError } from '../errors.ts'
import type { Node } from './node.ts'
import { mustRun, script } from './run.ts'

const folder = '/var/lib/cni-migrate'
const timeoutMs = 15_000

// Renaming a folder onto one that is not empty fails: the lock appears with its owner in it, or not at all. The owner is an
// argument: stdin may end early with the connection, and a lock with half an owner could only be taken away by hand.
const acquireScript = `set -eu
umask 077
mkdir -p "$1"
new=$(mktemp -d "$1/.lock.XXXXXX")
printf %s "$2" > "$new/owner"
sync -- "$new/owner" 2>/dev/null || sync
for attempt in 1 2 3; do
  if mv -T -- "$new" "$1/lock" 2>/dev/null; then echo taken; exit 0; fi
  if cat "$1/lock/owner" 2>/dev/null; then rm -rf -- "$new"; exit 0; fi
done
rm -rf -- "$new"
echo "$1/lock is neither free nor taken" >&2
exit 1`

const inspectScript = `cat "$1/lock/owner" 2>/dev/null || echo free`

const releaseScript = `set -eu
[ -d "$1/lock" ] || exit 0
grep -qF -- "\\"nonce\\":\\"$2\\"" "$1/lock/owner" || exit 0
rm -f -- "$1/lock/owner"
rmdir -- "$1/lock" 2>/dev/null || :
rmdir -- "$1" 2>/dev/null || :`

/**
 * The lock that is kept on a node: whoever comes from another machine meets it.
 * @param mayBeAway it may be silent when the run begins; its lock is taken before it is changed
 */
export function nodeLock(node: Node, mayBeAway = false): LockPlace {
  const parse = (text: string): LockOwner => {
    try {
      return lockOwnerSchema.parse(JSON.parse(text))
    } catch (error) {
      throw new FailedError(
        `${node.name}: ${folder}/lock/owner is not what this program writes`,
        { host: node.name, next: `when no migration runs, on ${node.name}: rm -r ${folder}/lock` },
        error,
      )
    }
  }
  return {
    name: `node ${node.name}`,
    target: node.name,
    mayBeAway,
    async acquire(owner) {
      const command = script('take-lock', acquireScript, [folder, JSON.stringify(lockOwnerSchema.parse(owner))])
      const { stdout } = await mustRun(node, { ...command, mode: 'write', timeoutMs })
      return stdout.trim() === 'taken' ? 'taken' : parse(stdout)
    },
    async release(nonce) {
      const command = script('release-lock', releaseScript, [folder, nonce])
      await mustRun(node, { ...command, mode: 'write', timeoutMs })
    },
    async inspect() {
      const command = script('inspect-lock', inspectScript, [folder])
      const { stdout } = await mustRun(node, { ...command, mode: 'read', timeoutMs })
      return stdout.trim() === 'free' ? null : parse(stdout)
    },
  }
}
