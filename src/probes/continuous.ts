import { FailedError } from '../errors.ts'
import { fetchFile } from '../nodes/fetch-file.ts'
import type { Node } from '../nodes/node.ts'
import { mustRun, script, scriptWithInput } from '../nodes/run.ts'
import { runFolder, unitArguments, unitName } from '../nodes/transient.ts'
import { targetLines } from './attempts.ts'
import type { Target } from './pairs.ts'
import { probeScript } from './probe-script.ts'

const timeoutMs = 20_000
/** It ends by itself after that, whatever becomes of the operator's side. */
const longestSeconds = 4 * 3600

const folderOf = (run: string) => `${runFolder(run)}/probe`
const unitOf = (run: string) => unitName({ run, task: 'probe' })

const followScript = `set -eu
umask 077
folder=$1 unit=$2 seconds=$3 prober=$4
mkdir -p "$folder"
new=$(mktemp "$folder/.targets.XXXXXX")
cat > "$new"
mv -f -- "$new" "$folder/targets"
[ -e "$folder/results" ] || : > "$folder/results"
if systemctl is-active --quiet "$unit.service"; then exit 0; fi
systemctl reset-failed "$unit.service" 2>/dev/null || :
systemd-run --quiet --collect --unit="$unit" --property=RuntimeMaxSec="$seconds" -- \\
  bash -c "$prober" connect-probe loop "$folder" "/run/$unit"`

/**
 * Has a node probe these targets twice a second, as a transient unit that survives the connection. Running already: it
 * goes on with the new targets; gone (the node was switched off): it is started again and goes on with the same results.
 */
export async function probeContinuously(node: Node, run: string, targets: readonly Target[]): Promise<void> {
  const args = [folderOf(run), unitOf(run), String(longestSeconds), ...unitArguments([probeScript])]
  const command = scriptWithInput('follow-targets', followScript, args, targetLines(targets))
  await mustRun(node, { ...command, mode: 'write', timeoutMs })
}

const stopScript = `systemctl stop "$2.service" 2>/dev/null
systemctl is-active --quiet "$2.service" && { echo "the unit $2 does not stop" >&2; exit 1; }
rm -rf -- "/run/$2"
[ -e "$1/results" ] && echo there || echo none`

/**
 * Stops the probing on a node and copies what it saw to `localPath` (0600). null: the node has seen nothing.
 * What is on the node stays until forgetProbe, so that this can be done again.
 */
export async function collectProbe(node: Node, run: string, localPath: string): Promise<{ sizeBytes: number } | null> {
  const command = script('stop-probe', stopScript, [folderOf(run), unitOf(run)])
  const { stdout } = await mustRun(node, { ...command, mode: 'write', timeoutMs })
  if (stdout === 'none\n') return null
  if (stdout !== 'there\n') throw new FailedError(`${node.name}: stopping the probe said something unexpected`)
  return fetchFile(node, `${folderOf(run)}/results`, localPath)
}

const forgetScript = `rm -rf -- "$1"
rmdir -- "$(dirname -- "$1")" "$(dirname -- "$(dirname -- "$1")")" 2>/dev/null || :`

/** Removes what the probing left on a node. */
export async function forgetProbe(node: Node, run: string): Promise<void> {
  await mustRun(node, { ...script('forget-probe', forgetScript, [folderOf(run)]), mode: 'write', timeoutMs })
}
