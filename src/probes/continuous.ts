import { FailedError } from '../errors.ts'
import { fetchFile } from '../nodes/fetch-file.ts'
import type { Node } from '../nodes/node.ts'
import { mustRun, script, scriptWithInput } from '../nodes/run.ts'
import { runFolder, unitArguments, unitName } from '../nodes/transient.ts'
import { targetLines } from './attempts.ts'
import type { Target } from './pairs.ts'
import { probeScript } from './probe-script.ts'

const timeoutMs = 20_000

/** How a node probes. */
export interface Pace {
  /** From the beginning of one round to that of the next. */
  intervalMs: number
  /** After so long an attempt is given up. */
  attemptMs: number
  /** It ends by itself after that, whatever becomes of the operator's side. */
  lifetimeMs: number
}

/** While a run goes on: an outage is to be timed to half a second, and is told from a slow answer by a second. */
export const runPace: Pace = { intervalMs: 500, attemptMs: 1000, lifetimeMs: 4 * 3_600_000 }

export const probeFolder = (run: string) => `${runFolder(run)}/probe`
const unitOf = (run: string) => unitName({ run, task: 'probe' })

const followScript = `set -eu
umask 077
folder=$1 unit=$2 seconds=$3 prober=$4 interval=$5 attempt=$6
mkdir -p "$folder"
new=$(mktemp "$folder/.targets.XXXXXX")
cat > "$new"
mv -f -- "$new" "$folder/targets"
[ -e "$folder/results" ] || : > "$folder/results"
if systemctl is-active --quiet "$unit.service"; then exit 0; fi
systemctl reset-failed "$unit.service" 2>/dev/null || :
systemd-run --quiet --collect --unit="$unit" --property=RuntimeMaxSec="$seconds" -- \\
  bash -c "$prober" connect-probe loop "$attempt" "$folder" "/run/$unit" "$interval"`

/**
 * Has a node probe these targets again and again, as a transient unit that survives the connection. Running already: it
 * goes on with the new targets; gone (the node was switched off): it is started again and goes on with the same results.
 */
export async function probeContinuously(
  node: Node,
  run: string,
  targets: readonly Target[],
  { intervalMs, attemptMs, lifetimeMs }: Pace = runPace,
): Promise<void> {
  const seconds = String(Math.ceil(lifetimeMs / 1000))
  const pace = [String(intervalMs), String(attemptMs)]
  const args = [probeFolder(run), unitOf(run), seconds, ...unitArguments([probeScript]), ...pace]
  const command = scriptWithInput('follow-targets', followScript, args, targetLines(targets))
  await mustRun(node, { ...command, mode: 'write', timeoutMs })
}

const finishScript = `[ -d "$1" ] || exit 0
: > "$1/end"
left=$3
while [ "$left" -gt 0 ] && systemctl is-active --quiet "$2.service"; do sleep 0.1; left=$((left - 1)); done`

/**
 * Has the probing on a node begin nothing more, and waits for what was begun, at most for an attempt's time: stopped amid
 * attempts, those that take long would be missing, and they are the ones that fail.
 */
export async function finishProbe(node: Node, run: string, { intervalMs, attemptMs }: Pace): Promise<void> {
  const longestMs = intervalMs + attemptMs + 1000
  const args = [probeFolder(run), unitOf(run), String(Math.ceil(longestMs / 100))]
  const command = script('finish-probe', finishScript, args)
  await mustRun(node, { ...command, mode: 'write', timeoutMs: longestMs + timeoutMs })
}

const stopScript = `systemctl stop "$2.service" 2>/dev/null
systemctl is-active --quiet "$2.service" && { echo "the unit $2 does not stop" >&2; exit 1; }
rm -rf -- "/run/$2"
[ -e "$1/results" ] && echo there || echo none`

/** Stops the probing on a node; what it saw stays there. False: it has seen nothing. Can be done again. */
export async function stopProbe(node: Node, run: string): Promise<boolean> {
  const command = script('stop-probe', stopScript, [probeFolder(run), unitOf(run)])
  const { stdout } = await mustRun(node, { ...command, mode: 'write', timeoutMs })
  if (stdout !== 'none\n' && stdout !== 'there\n')
    throw new FailedError(`${node.name}: stopping the probe said something unexpected`)
  return stdout === 'there\n'
}

/**
 * Stops the probing on a node and copies what it saw to `localPath` (0600). null: the node has seen nothing.
 * What is on the node stays until forgetProbe, so that this can be done again.
 */
export async function collectProbe(node: Node, run: string, localPath: string): Promise<{ sizeBytes: number } | null> {
  return (await stopProbe(node, run)) ? fetchFile(node, `${probeFolder(run)}/results`, localPath) : null
}

const forgetScript = `rm -rf -- "$1"
rmdir -- "$(dirname -- "$1")" "$(dirname -- "$(dirname -- "$1")")" 2>/dev/null || :`

/** Removes what the probing left on a node. */
export async function forgetProbe(node: Node, run: string): Promise<void> {
  await mustRun(node, { ...script('forget-probe', forgetScript, [probeFolder(run)]), mode: 'write', timeoutMs })
}
