import { Command, Option } from 'commander'
import { isInTheWay } from '../engine/model.ts'
import { openRunStore, type RunStore } from '../engine/run-store.ts'
import { exitCodes, InputError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { parseFacts } from '../facts/parse-facts.ts'
import type { Inventory } from '../inventory/schema.ts'
import { connectivityKept } from '../operations/checks/connectivity-kept.ts'
import { compareEvidence } from '../operations/evidence-counts.ts'
import { openBaselines, readBaseline } from '../probes/baselines.ts'
import { comparePeriods, isWorse } from '../probes/compare-periods.ts'
import type { Evidence } from '../probes/evidence.ts'
import type { Verified } from '../report/verify-json.ts'
import { verifyText } from '../report/verify-text.ts'
import { printedJson } from '../visible.ts'
import { checkState } from './checking-state.ts'
import { type GatherFlags, gatherOptions } from './gather-options.ts'
import { type CommonOptions, commonOptions, inventoryOf, withCommonOptions } from './options.ts'

/** Name under which the runbook keeps what it saw before its first change. */
const recordName = 'before'

interface Flags extends GatherFlags {
  baseline?: string
}

export function verifyCommand(): Command {
  const command = withCommonOptions(new Command('verify'))
    .description('is it better now: compare with the baseline, else with what the newest run recorded; changes nothing')
    .addOption(new Option('--baseline <file>', 'the baseline to compare with (default: the newest)'))
    .action(async (flags: Flags, self: Command) => {
      const options = commonOptions(self)
      const inventory = inventoryOf(options, true)
      const baseline = await baselineOf(inventory, flags.baseline)
      const verified = baseline
        ? await againstBaseline(inventory, options, flags, baseline)
        : await againstRun(inventory, options)
      const { json, terminal } = options
      process.stdout.write(json ? printedJson(verified) : `${verifyText(verified, terminal).join('\n')}\n`)
      process.exitCode = exitCodeOf(verified)
    })
  for (const option of gatherOptions(60_000, '60s')) command.addOption(option)
  return command
}

function exitCodeOf({ findings, compared }: Verified): number {
  if (findings.some(({ level }) => level === 'blocks') || (compared !== null && isWorse(compared)))
    return exitCodes.worse
  return findings.some((one) => one.level === 'unknown' && isInTheWay(one)) ? exitCodes.failed : exitCodes.done
}

interface Baseline {
  file: string
  evidence: Evidence
}

async function baselineOf(inventory: Inventory, file: string | undefined): Promise<Baseline | null> {
  const path = file ?? (await openBaselines(inventory.stateDir, inventory.cluster.name).newest())
  if (path === null) return null
  return { file: path, evidence: await readBaseline(path, { cluster: inventory.cluster.name }) }
}

/** The same pairs for a while, compared by their statistics. What was seen is kept, for the report and to look at. */
async function againstBaseline(
  inventory: Inventory,
  options: CommonOptions,
  flags: GatherFlags,
  { file, evidence: before }: Baseline,
): Promise<Verified> {
  const { gatherShown } = await import('./gathering.ts')
  const { evidence: now } = await gatherShown(inventory, options, flags, before.series)
  if (now.clusterId !== before.clusterId) {
    throw new InputError(`${file} is of another cluster of this name, with the id ${before.clusterId}`, {
      next: 'A baseline is compared with the cluster that it was made of, and with no other.',
    })
  }
  const kept = await openBaselines(inventory.stateDir, inventory.cluster.name).save(now, 'after')
  const { openForReading } = await import('./session.ts')
  await using cluster = openForReading(inventory, options.terminal)
  const answered = before.series.filter(
    ({ sort, attempts }) => sort === 'dns' && attempts.some(([, , outcome]) => outcome === 'ok'),
  )
  return {
    kind: 'verify',
    against: { baseline: file, fromMs: before.fromMs, untilMs: before.untilMs },
    watched: { fromMs: now.fromMs, untilMs: now.untilMs, file: kept },
    findings: await checkState(inventory, cluster, now.facts, namespacesOf(answered)),
    evidence: compareEvidence(before.facts, now.facts),
    compared: comparePeriods(before, now),
  }
}

/** One attempt for each pair, compared with the one of before. */
async function againstRun(inventory: Inventory, { terminal }: CommonOptions): Promise<Verified> {
  const { runId, facts: before } = await recordOf(await openRunStore(inventory.stateDir, inventory.cluster.name))
  const { openForReading } = await import('./session.ts')
  await using cluster = openForReading(inventory, terminal)
  const families = ['host', 'k3s', 'netfilter', 'network', 'cni', 'sandboxes', 'kube', 'reachability'] as const
  const now = await cluster.reader.read(families, 'all', null)
  const answered = (before.reachability ?? []).filter(({ to, outcome }) => to.startsWith('dns:') && outcome === 'ok')
  return {
    kind: 'verify',
    against: { runId, recordedAt: before.readAt },
    watched: null,
    findings: [
      ...connectivityKept(before, now),
      ...(await checkState(inventory, cluster, now, namespacesOf(answered))),
    ],
    evidence: compareEvidence(before, now),
    compared: null,
  }
}

const namespacesOf = (pairs: readonly { from: string }[]): ReadonlySet<string> =>
  new Set(pairs.map(({ from }) => from.split('/')[0] ?? ''))

async function recordOf(store: RunStore): Promise<{ runId: string; facts: Facts }> {
  for (const { runId, state } of await store.runs()) {
    const record = state.records.get(recordName)
    if (record === undefined) continue
    const { records } = await store.openRun(runId)
    const value = await records.load(record.file, record.sha256)
    const next = 'Facts of another version of migrate: use the one that the run was made with.'
    return { runId, facts: parseFacts(value, `what run ${runId} recorded (${record.file})`, next) }
  }
  throw new InputError(`there is no baseline, and no run in ${store.root} recorded anything to compare with`, {
    next: 'migrate baseline makes one; a run records its own before its first change: migrate run',
  })
}
