import { createHash } from 'node:crypto'
import { FailedError } from '../errors.ts'
import { CommandFailed, OutcomeUnknown, UnreachableError } from './errors.ts'
import type { Command, Node, Outcome } from './node.ts'
import { mustRun, outcomeError, script, scriptWithInput } from './run.ts'
import { bytesOf, textOf } from './text.ts'

/** Root-only. One folder a run, in it one a task. */
export const stateFolder = '/var/lib/cni-migrate'

const roundTripMs = 15_000
const waitOnNodeS = 10
const reconnectEveryMs = 500

/** Names what is run: the same run and task never run twice on a node, whatever happens to the operator's side. */
export interface TransientId {
  run: string
  task: string
}

/** What a node has kept of a transient command. */
export type Receipt =
  | { state: 'running' }
  | { state: 'ended'; code: number; stdout: string; stderr: string; startedMs: number; endedMs: number }
  /** It began and left no exit code, and its unit is gone: killed, or the node was switched off meanwhile. */
  | { state: 'lost'; stdout: string; stderr: string }

export type EndedReceipt = Extract<Receipt, { state: 'ended' }>

/** Run and task as one word for a unit and a folder. Distinct names stay distinct. */
function word(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9_-]/g, '_')
  if (plain === text && text.length <= 64) return text
  return `${plain.slice(0, 64)}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}

export const runFolder = (run: string) => `${stateFolder}/${word(run)}`
export const unitName = (id: TransientId) => `cni-migrate-${word(id.run)}-${word(id.task)}`
const taskFolder = (id: TransientId) => `${runFolder(id.run)}/${word(id.task)}`

/** systemd replaces `${NAME}` in a unit's arguments, and in a word that is `$NAME` (systemd.service(5)); `$$` is a dollar. */
export const unitArguments = (words: readonly string[]) => words.map((word) => word.replaceAll('$', '$$$$'))

// `mkdir started` decides: of all runners that were ever launched for a task, exactly one gets past it.
const runner = `cd "$1" || exit 0
shift
umask 077
mkdir started 2>/dev/null || exit 0
export LC_ALL=C
echo "$(date +%s%3N)" > start
exec 3<input
rm -f input
"$@" <&3 3<&- >stdout 2>stderr
echo "$? $(date +%s%3N)" > rc.new
sync -- stdout stderr rc.new 2>/dev/null || sync
mv rc.new rc
exit 0`

const startScript = `set -eu
umask 077
folder=$1 unit=$2 digest=$3 seconds=$4 runner=$5
shift 5
mkdir -p "$folder"
if [ -e "$folder/digest" ] && [ "$(cat "$folder/digest")" != "$digest" ]; then exit 94; fi
[ ! -e "$folder/started" ] || exit 0
printf %s "$digest" > "$folder/digest"
new=$(mktemp "$folder/.input.XXXXXX")
cat > "$new"
[ ! -e "$folder/started" ] || { rm -f -- "$new"; exit 0; }
mv -f -- "$new" "$folder/input"
systemd-run --quiet --unit="$unit" --property=RuntimeMaxSec="$seconds" -- \
  /bin/sh -c "$runner" cni-migrate-runner "$folder" "$@" || {
  [ -e "$folder/started" ] || systemctl is-active --quiet "$unit.service"
}`

// Waits on the node, so that an end is seen at once without asking ten times a second over the network.
const waitScript = `folder=$1 unit=$2 seconds=$3
end=$(($(date +%s) + seconds))
[ -d "$folder" ] || { echo none; exit 0; }
while [ ! -e "$folder/rc" ]; do
  state=$(systemctl show -p ActiveState --value "$unit.service" 2>/dev/null)
  case $state in
    active | activating | deactivating | reloading) ;;
    *) [ -e "$folder/rc" ] && break
       [ -e "$folder/started" ] || { echo none; exit 0; }
       echo lost; break ;;
  esac
  [ "$(date +%s)" -lt "$end" ] || { echo running; exit 0; }
  sleep 0.1
done
if [ -e "$folder/rc" ]; then echo "ended $(cat "$folder/rc") $(cat "$folder/start")"; fi
for name in stdout stderr; do
  echo "$name"
  [ ! -e "$folder/$name" ] || head -c 8388608 "$folder/$name" | base64
done`

/**
 * Runs a command as a transient systemd unit on the node, where it outlives the connection, and waits for its end. If the
 * task was started before, its receipt is waited for and read; it is never started again. What the unit has not ended
 * by `timeoutMs` is killed there. stdin reaches it through a root-only file that is removed as it starts.
 * @throws CommandFailed when it ends with another code than 0
 * @throws OutcomeUnknown when it was lost, or is not known to have ended in time
 * @throws FailedError when the task has been used for another command
 */
export async function runDetached(node: Node, id: TransientId, command: Command): Promise<EndedReceipt> {
  const deadline = performance.now() + command.timeoutMs
  await untilReached(node, deadline, command, () => start(node, id, command))
  for (;;) {
    const leftMs = deadline - performance.now()
    const waitS = Math.max(0, Math.min(waitOnNodeS, Math.floor(leftMs / 1000)))
    const receipt = await untilReached(node, deadline, command, () => look(node, id, waitS))
    if (receipt?.state === 'ended') return endOf(node, command, receipt)
    if (receipt === null) throw inDoubt(node, command, 'its unit is gone before it began')
    if (receipt.state === 'lost') throw inDoubt(node, command, `its unit ${unitName(id)} ended without an exit code`)
    if (leftMs <= 0) throw inDoubt(node, command, 'it still runs at its deadline')
  }
}

/** What is known of a transient command; null: it never began. */
export function readReceipt(node: Node, id: TransientId): Promise<Receipt | null> {
  return look(node, id, 0)
}

const forgetScript = `set -eu
systemctl reset-failed "$2*" 2>/dev/null || :
rm -rf -- "$1"
rmdir -- "$(dirname -- "$1")" 2>/dev/null || :`

/** Removes all that a run left on the node: receipts, and units that ended badly. To be called when it is over. */
export async function forgetReceipts(node: Node, run: string): Promise<void> {
  const command = script('forget-receipts', forgetScript, [runFolder(run), `cni-migrate-${word(run)}-`])
  await mustRun(node, { ...command, mode: 'write', timeoutMs: roundTripMs })
}

async function start(node: Node, id: TransientId, command: Command): Promise<void> {
  const input = typeof command.stdin === 'string' ? bytesOf(command.stdin) : (command.stdin ?? new Uint8Array())
  const digest = createHash('sha256').update(JSON.stringify(command.argv)).update('\0').update(input).digest('hex')
  const seconds = String(Math.ceil(command.timeoutMs / 1000))
  const args = [taskFolder(id), unitName(id), digest, seconds, ...unitArguments([runner, ...command.argv])]
  const starter = scriptWithInput('start-unit', startScript, args, input)
  try {
    await mustRun(node, { ...starter, mode: command.mode, timeoutMs: roundTripMs })
  } catch (error) {
    if (error instanceof CommandFailed && error.code === 94)
      throw new FailedError(`${node.name}: the task ${id.task} of run ${id.run} has already run another command`, {
        host: node.name,
      })
    throw error
  }
}

async function look(node: Node, id: TransientId, waitS: number): Promise<Receipt | null> {
  const asked = script('read-receipt', waitScript, [taskFolder(id), unitName(id), String(waitS)])
  const { stdout } = await mustRun(node, { ...asked, mode: 'read', timeoutMs: waitS * 1000 + roundTripMs })
  return parseReceipt(node.name, stdout)
}

function parseReceipt(host: string, text: string): Receipt | null {
  if (text === 'none\n') return null
  if (text === 'running\n') return { state: 'running' }
  const match = /^(lost|ended (\d+) (\d+) (\d+))\nstdout\n([\sA-Za-z0-9+/=]*?)stderr\n([\sA-Za-z0-9+/=]*)$/.exec(text)
  if (!match) throw new FailedError(`${host}: the receipt is not what this program writes`, { host })
  const decode = (base64: string | undefined) => textOf(Buffer.from(base64 ?? '', 'base64'))
  const output = { stdout: decode(match[5]), stderr: decode(match[6]) }
  if (match[1] === 'lost') return { state: 'lost', ...output }
  return { state: 'ended', code: Number(match[2]), endedMs: Number(match[3]), startedMs: Number(match[4]), ...output }
}

function endOf(node: Node, command: Command, receipt: EndedReceipt): EndedReceipt {
  if (receipt.code === 0) return receipt
  const { code, stdout, stderr } = receipt
  const outcome: Outcome = { kind: 'exited', code, stdout, stderr, durationMs: receipt.endedMs - receipt.startedMs }
  throw outcomeError(node.name, command, outcome)
}

function inDoubt(node: Node, command: Command, reason: string): Error {
  const outcome: Outcome = { kind: 'unknown', reason, stdout: '', stderr: '', durationMs: command.timeoutMs }
  return outcomeError(node.name, command, outcome)
}

/** Asks again after a lost connection, until the deadline: starting and looking may both be done twice without harm. */
async function untilReached<T>(node: Node, deadline: number, command: Command, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof OutcomeUnknown || error instanceof UnreachableError)) throw error
      if (performance.now() >= deadline) throw inDoubt(node, command, error.message)
      await new Promise((resolve) => setTimeout(resolve, reconnectEveryMs))
    }
  }
}
