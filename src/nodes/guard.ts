import { FailedError } from '../errors.ts'
import { CommandFailed } from './errors.ts'
import type { Node } from './node.ts'
import { mustRun, script } from './run.ts'
import { runFolder, unitArguments, unitName } from './transient.ts'

const timeoutMs = 15_000
/** A guard that hangs is ended; what it has not done by then stands in no receipt. */
const restoringS = 120

/** Constant POSIX sh, each run as root in the guard's folder. Prints `done: WHAT` and `failed: WHAT`, one a line. */
export interface GuardProgram {
  /**
   * Run while it is armed: keeps there what `restore` needs. Gets the arguments. If it leaves a script `at-boot`, that one is
   * run whenever the node boots before it is disarmed or forgotten, ahead of K3s; the guard has fired then.
   */
  save: string
  /** Run by the timer. May need nothing but the node itself. */
  restore: string
}

/** What a node's guard has come to. Times are the node's, in ms. */
export type GuardState =
  /** Never armed, or disarmed. */
  | { kind: 'none' }
  | { kind: 'armed' }
  /** It was armed and its timer is no more, as after a reboot without a script `at-boot`: nothing will happen. */
  | { kind: 'gone' }
  | { kind: 'restoring' }
  /** `whole` is false when it was cut short: by a power cut, or its time limit. */
  | { kind: 'fired'; atMs: number; whole: boolean; done: string[]; failed: string[] }

const idOf = (run: string) => ({ run, task: 'guard' })
const folderOf = (run: string) => `${runFolder(run)}/guard`

// Who makes the link `decided` first has decided: the timer (fired) or the operator's side (disarmed). Only files of its own
// are synced: a mount that needs the network would hold up what is to bring the network back.
const fireScript = `cd "$1" || exit 0
ln -s fired decided 2>/dev/null || exit 0
umask 077
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
date +%s%3N > at
timeout 10 sync -- at
sh ./restore 2>/dev/null </dev/null | tee -a receipt
date +%s%3N > ended.new
timeout 10 sync -- receipt ended.new
mv ended.new ended
timeout 10 sync -- .`

// Of a guard that was decided otherwise nothing is run. The link comes after the deed: cut short, the next boot does it again.
const bootScript = `cd "$1" && [ "$(readlink decided)" != disarmed ] || exit 0
umask 077
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
sh ./at-boot </dev/null | tee -a receipt
ln -s fired decided 2>/dev/null || exit 0
date +%s%3N > at
cp at ended
timeout 10 sync -- at receipt ended .`

// Only boots read the unit, so systemd need not be told of it.
const bootUnit = `boot_unit() { echo "/etc/systemd/system/$1-boot.service"; }
boot_link() { echo "/etc/systemd/system/multi-user.target.wants/$1-boot.service"; }
remove_boot_unit() { rm -f -- "$(boot_unit "$1")" "$(boot_link "$1")"; }
`

const armScript = `set -eu
umask 077
${bootUnit}folder=$1 unit=$2 seconds=$3 limit=$4 fire=$5 boot=$6 save=$7 restore=$8
shift 8
if [ -e "$folder/armed" ]; then
  [ "$(readlink "$folder/decided")" != fired ] || exit 95
  # What it has saved is from before the step was begun; what there is now may not be.
  if [ ! -L "$folder/decided" ] && systemctl is-active --quiet "$unit.timer"; then
    systemctl restart "$unit.timer"
    echo renewed
    exit 0
  fi
fi
systemctl stop "$unit.timer" 2>/dev/null || :
systemctl reset-failed "$unit.timer" "$unit.service" 2>/dev/null || :
remove_boot_unit "$unit"
rm -rf -- "$folder"
mkdir -p "$folder"
cd "$folder"
printf '%s\\n' "$restore" > restore
printf '%s\\n' "$boot" > boot
sh -c "$save" guard-save "$@" >&2
: > armed
timeout 10 sync -- * .
if [ -e at-boot ]; then
  cat > "$(boot_unit "$unit")" <<END
[Unit]
Description=cni-migrate: a reboot does not begin again what a guarded step has begun
RequiresMountsFor=$folder
ConditionPathExists=$folder/armed
Before=k3s.service k3s-agent.service
[Service]
Type=oneshot
ExecStart=/bin/sh $folder/boot $folder
END
  ln -sf "$(boot_unit "$unit")" "$(boot_link "$unit")"
  timeout 10 sync -- "$(boot_unit "$unit")" /etc/systemd/system/multi-user.target.wants
fi
systemd-run --quiet --collect --unit="$unit" --on-active="$seconds" --timer-property=AccuracySec=1s \\
  --property=RuntimeMaxSec="$limit" -- /bin/sh -c "$fire" guard "$folder"
echo armed`

const renewScript = `[ "$(readlink "$1/decided")" != fired ] || exit 95
systemctl is-active --quiet "$2.timer" && systemctl restart "$2.timer"`

// One that was disarmed and not yet removed is disarmed; one that is not there as well.
const disarmScript = `${bootUnit}if [ -d "$1" ]; then
  ln -s disarmed "$1/decided" 2>/dev/null || [ "$(readlink "$1/decided")" = disarmed ] || exit 95
fi
remove_boot_unit "$2"
systemctl stop "$2.timer" 2>/dev/null
rm -rf -- "$1"
rmdir -- "\${1%/*}" 2>/dev/null
:`

const lookScript = `cd "$1" 2>/dev/null && [ -e armed ] || { echo none; exit 0; }
case $(readlink decided) in
  fired)
    if [ ! -e ended ] && systemctl is-active --quiet "$2.service"; then echo restoring; exit 0; fi
    whole=no
    [ ! -e ended ] || whole=yes
    at=$(cat at 2>/dev/null)
    echo "fired \${at:-0} $whole"
    cat receipt 2>/dev/null
    : ;;
  disarmed) echo none ;;
  *) if systemctl is-active --quiet "$2.timer"; then echo armed; else echo gone; fi ;;
esac`

const forgetScript = `${bootUnit}remove_boot_unit "$2"
# One that was run at this boot is known to systemd.
systemctl daemon-reload
systemctl stop "$2.timer" 2>/dev/null
systemctl reset-failed "$2.timer" "$2.service" 2>/dev/null
rm -rf -- "$1"
rmdir -- "\${1%/*}" 2>/dev/null
:`

/** A guard has fired, so the node is not as the step left it: what it did is to be read first. */
export class GuardFired extends FailedError {}

/**
 * Has the node run `program.restore` by itself so long after it was last armed or renewed; one that is armed is renewed.
 * Monotonic time of the node. A reboot ends the timer; what is then done instead is the program's to say (`at-boot`).
 * @throws GuardFired
 */
export async function armGuard(
  node: Node,
  run: string,
  program: GuardProgram,
  args: readonly string[],
  afterMs: number,
): Promise<'armed' | 'renewed'> {
  const { save, restore } = program
  const [fire = ''] = unitArguments([fireScript])
  const seconds = String(Math.ceil(afterMs / 1000))
  const words = [
    folderOf(run),
    unitName(idOf(run)),
    seconds,
    String(restoringS),
    fire,
    bootScript,
    save,
    restore,
    ...args,
  ]
  const { stdout } = await orFired(node, 'arm-guard', armScript, words)
  return stdout.trim() === 'renewed' ? 'renewed' : 'armed'
}

/**
 * Its time begins anew.
 * @throws GuardFired; CommandFailed where none is armed
 */
export async function renewGuard(node: Node, run: string): Promise<void> {
  await orFired(node, 'renew-guard', renewScript, [folderOf(run), unitName(idOf(run))])
}

/**
 * Over a fresh connection: that the node can be reached is what makes the guard needless. Nothing of it is left.
 * @throws GuardFired
 */
export async function disarmGuard(node: Node, run: string): Promise<void> {
  await node.reconnect()
  await orFired(node, 'disarm-guard', disarmScript, [folderOf(run), unitName(idOf(run))])
}

export async function lookAtGuard(node: Node, run: string): Promise<GuardState> {
  const asked = script('look-at-guard', lookScript, [folderOf(run), unitName(idOf(run))])
  const { stdout } = await mustRun(node, { ...asked, mode: 'read', timeoutMs })
  const [first = '', ...lines] = stdout.trimEnd().split('\n')
  const [kind = '', at, whole] = first.split(' ')
  if (kind === 'none' || kind === 'armed' || kind === 'gone' || kind === 'restoring') return { kind }
  if (kind !== 'fired') throw new FailedError(`${node.name}: the guard's receipt is not what this program writes`)
  const said = (mark: string) => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length))
  return { kind, atMs: Number(at), whole: whole === 'yes', done: said('done: '), failed: said('failed: ') }
}

/** Removes a guard that has fired, once what it did is known for good. Can be done again. */
export async function forgetGuard(node: Node, run: string): Promise<void> {
  const command = script('forget-guard', forgetScript, [folderOf(run), unitName(idOf(run))])
  await mustRun(node, { ...command, mode: 'write', timeoutMs })
}

async function orFired(node: Node, name: string, text: string, args: readonly string[]) {
  try {
    return await mustRun(node, { ...script(name, text, args), mode: 'write', timeoutMs })
  } catch (error) {
    if (!(error instanceof CommandFailed) || error.code !== 95) throw error
    throw new GuardFired(`${node.name}: its guard has fired`, { host: node.name, next: 'migrate resume' })
  }
}
