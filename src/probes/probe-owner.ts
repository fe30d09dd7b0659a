import { hostname } from 'node:os'
import { z } from 'zod'
import { mayBeAlive, readBootId } from '../engine/local-lock.ts'
import type { Node } from '../nodes/node.ts'
import { mustRun, script, scriptWithInput } from '../nodes/run.ts'
import { runFolder, stateFolder } from '../nodes/transient.ts'
import { forgetProbe, stopProbe } from './continuous.ts'

const timeoutMs = 20_000

/** The process that watches a cluster, as it is written down on the nodes that probe for it. */
const ownerSchema = z.object({
  host: z.string(),
  bootId: z.string(),
  pid: z.int(),
  since: z.string(),
  /** By then its units have ended by themselves. */
  untilMs: z.number(),
})
export type ProbeOwner = z.infer<typeof ownerSchema>

/** This process. */
export async function thisOwner(nowMs: number, untilMs: number): Promise<ProbeOwner> {
  const since = new Date(nowMs).toISOString()
  return { host: hostname(), bootId: await readBootId(), pid: process.pid, since, untilMs }
}

/** Names of watches begin so, and of runs never. */
export const watchName = (nowMs: number, pid: number) =>
  `evidence-${new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')}-${pid}`
const isWatch = (name: string) => /^evidence-[0-9A-Za-z-]{1,60}$/.test(name)

const claimScript = `set -eu
umask 077
mkdir -p "$1"
cat > "$1/owner"`

/** Writes on a node whose watch this is; before anything else of it is there. */
export async function claimWatch(node: Node, watch: string, owner: ProbeOwner): Promise<void> {
  const command = scriptWithInput('claim-watch', claimScript, [runFolder(watch)], JSON.stringify(owner))
  await mustRun(node, { ...command, mode: 'write', timeoutMs })
}

const disclaimScript = `rm -f -- "$1/owner"
rmdir -- "$1" "$(dirname -- "$1")" 2>/dev/null || :`

/** Removes all that a watch has on a node. What it saw there is gone then. */
export async function removeWatch(node: Node, watch: string): Promise<void> {
  await stopProbe(node, watch)
  await forgetProbe(node, watch)
  await mustRun(node, {
    ...script('disclaim-watch', disclaimScript, [runFolder(watch)]),
    mode: 'write',
    timeoutMs,
  })
}

const listScript = `for folder in "$1"/evidence-*; do
  [ -d "$folder" ] || continue
  printf '%s\\t' "\${folder##*/}"
  [ ! -f "$folder/owner" ] || head -c 4096 "$folder/owner" | base64 -w0
  echo
done`

/** Removes what a process left here that was killed while it watched: its names. One that may still run keeps its own. */
export async function removeAbandoned(node: Node, self: ProbeOwner, nowMs: number): Promise<string[]> {
  const { stdout } = await mustRun(node, {
    ...script('list-watches', listScript, [stateFolder]),
    mode: 'read',
    timeoutMs,
  })
  const abandoned = stdout.split('\n').flatMap((line) => {
    const [name = '', text = ''] = line.split('\t')
    if (!isWatch(name)) return []
    const owner = ownerOf(Buffer.from(text, 'base64').toString('utf8'))
    return owner && owner.untilMs > nowMs && mayBeAlive(owner, self) ? [] : [name]
  })
  for (const name of abandoned) await removeWatch(node, name)
  return abandoned
}

/** null: nobody's, or not written to its end. */
function ownerOf(text: string): ProbeOwner | null {
  try {
    return ownerSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}
