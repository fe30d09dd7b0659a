import { join } from 'node:path'
import type { RunFiles } from '../engine/run-store.ts'
import type { RunState } from '../engine/state.ts'
import { InputError } from '../errors.ts'
import { type Facts, factsSchema } from '../facts/facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import { type EvidenceKind, openBaselines, readBaseline } from '../probes/baselines.ts'
import type { Evidence } from '../probes/evidence.ts'
import { visible } from '../visible.ts'

/** Evidence and where it is kept. */
export interface KeptEvidence {
  file: string
  kind: EvidenceKind
  evidence: Evidence
}

/** Every evidence that was kept of this cluster, oldest first. One that cannot be read is told and left out. */
export async function keptEvidence({ stateDir, cluster }: Inventory): Promise<KeptEvidence[]> {
  const found: KeptEvidence[] = []
  for (const { file, kind } of await openBaselines(stateDir, cluster.name).all()) {
    try {
      found.push({ file, kind, evidence: await readBaseline(file, { cluster: cluster.name }) })
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      leftOut(file, 'evidence of this version and cluster')
    }
  }
  return found
}

/** The newest baseline that was over before a run began. */
export function baselineBefore<T extends KeptEvidence>(kept: readonly T[], runMs: number): T | null {
  return kept.findLast(({ kind, evidence }) => kind === 'baseline' && evidence.untilMs <= runMs) ?? null
}

/** Facts that the run kept under a name; null when it never came so far. Those of another version are told and left out. */
export async function recorded(run: RunFiles, state: RunState, name: string): Promise<Facts | null> {
  const record = state.records.get(name)
  if (record === undefined) return null
  const facts = factsSchema.safeParse(await run.records.load(record.file, record.sha256))
  if (!facts.success) leftOut(join(run.dir, record.file), 'facts of this version')
  return facts.data ?? null
}

function leftOut(file: string, what: string): void {
  process.stderr.write(`note: ${visible(file)} is left out: it cannot be read as ${what}\n`)
}
