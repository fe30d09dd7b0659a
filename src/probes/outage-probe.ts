import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { FailedError, MigrateError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { Nodes } from '../nodes/node.ts'
import type { Attempt } from './attempts.ts'
import { choosePairs } from './choose-pairs.ts'
import { collectProbe, forgetProbe, probeContinuously } from './continuous.ts'
import { keptAttempts } from './kept-attempts.ts'
import { locate, type Pair, pair } from './pairs.ts'
import { measure } from './reachability.ts'

/** Of the pairs that are looked at once: each of these costs the nodes two attempts a second. */
const continuousShare = 0.5

export interface OutageProbeOptions {
  nodes: Nodes
  /** Facts with pods, services and sandboxes as they are now. */
  look(): Promise<Facts>
  /** `runs/<id>/probe`: where the chosen pairs and what was seen are kept. */
  folder(runId: string): string
  externalTargets: readonly string[]
}

const pairsSchema = z.array(
  z.object({ id: z.string(), from: z.string(), to: z.string(), port: z.number(), kind: z.enum(['tcp', 'dns']) }),
)

/** The continuous probing of a run on all nodes: what the outage of each pair was is measured there, not guessed here. */
export function outageProbe(options: OutageProbeOptions) {
  const { nodes, folder } = options
  const pairsFile = (runId: string) => join(folder(runId), 'pairs.json')
  // A name of its own each time: a run that is rolled back may have been probed twice.
  const resultsFile = (runId: string, node: string) => join(folder(runId), `${node}-${Date.now()}.tsv`)

  /** A pair that does not work now cannot be interrupted; and waiting for time-outs twice a second is what would cost. */
  async function workingPairs(facts: Facts): Promise<Pair[]> {
    const chosen = choosePairs(facts, options.externalTargets, continuousShare)
    const working = new Set(
      (await measure(nodes, chosen, facts))
        .filter(({ outcome }) => outcome === 'ok')
        .map(({ from, to, port }) => pair(from, to, port).id),
    )
    return chosen.filter(({ id }) => working.has(id))
  }

  async function point(runId: string, pairs: readonly Pair[], facts: Facts): Promise<void> {
    const targets = locate(pairs, facts)
    await Promise.all(nodes.names.map((name) => probeContinuously(nodes.get(name), runId, targets.get(name) ?? [])))
  }

  return {
    /** Chooses the pairs, keeps them, and starts. One that runs already goes on with the pairs chosen then. */
    async start(runId: string, facts: Facts): Promise<void> {
      const known = await readPairs(pairsFile(runId))
      const pairs = known ?? (await workingPairs(facts))
      if (!known) await keepPairs(folder(runId), pairsFile(runId), pairs)
      await point(runId, pairs, facts)
    },

    /** Tells the nodes where the pods are now. */
    async follow(runId: string): Promise<void> {
      const pairs = await readPairs(pairsFile(runId))
      if (pairs) await point(runId, pairs, await options.look())
    },

    /**
     * Stops it everywhere, keeps what it saw in the run's folder, and then removes its traces from the nodes.
     * @throws FailedError after the others are done, when a node could not be asked; can be called again
     */
    async stop(runId: string): Promise<void> {
      await mkdir(folder(runId), { recursive: true, mode: 0o700 })
      const results = await Promise.allSettled(
        nodes.names.map(async (name) => {
          await collectProbe(nodes.get(name), runId, resultsFile(runId, name))
          await forgetProbe(nodes.get(name), runId)
        }),
      )
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
      const strange = failures.find((failure) => !(failure instanceof MigrateError))
      if (strange !== undefined) throw strange
      if (failures.length > 0)
        throw new FailedError(`the probing could not be stopped everywhere: ${failures.map(String).join('; ')}`)
    },

    /** What was seen, after stop; nothing where it was never started. Collected twice counts once. */
    attempts: (runId: string): Promise<{ attempts: Attempt[]; broken: number }> => keptAttempts(folder(runId)),
  }
}

async function readPairs(path: string): Promise<Pair[] | null> {
  const text = await readIfThere(path)
  return text === null ? null : pairsSchema.parse(JSON.parse(text))
}

async function keepPairs(folder: string, path: string, pairs: readonly Pair[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, JSON.stringify(pairs, null, 1), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
