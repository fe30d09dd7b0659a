import { Command } from 'commander'
import { openRunStore, type RunStore } from '../engine/run-store.ts'
import { exitCodes, InputError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { parseFacts } from '../facts/parse-facts.ts'
import { connectivityKept } from '../operations/checks/connectivity-kept.ts'
import { compareEvidence } from '../operations/evidence-counts.ts'
import { findingsText } from '../report/plan-text.ts'
import { verifyTable } from '../report/verify-table.ts'
import { checkState } from './checking-state.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'

/** Name under which the runbook keeps what it saw before its first change. */
const recordName = 'before'

export function verifyCommand(): Command {
  return withCommonOptions(new Command('verify'))
    .description('compare who reaches whom now with what the newest run recorded before its first change')
    .action(async (_flags: object, command: Command) => {
      const options = commonOptions(command)
      const { json, terminal } = options
      const inventory = inventoryOf(options, true)
      const before = await evidenceOf(await openRunStore(inventory.stateDir, inventory.cluster.name))
      const { openForReading } = await import('./session.ts')
      await using cluster = openForReading(inventory, terminal)
      const families = ['host', 'k3s', 'netfilter', 'network', 'cni', 'sandboxes', 'kube', 'reachability'] as const
      const now = await cluster.reader.read(families, 'all', null)
      const findings = [
        ...connectivityKept(before.facts, now),
        ...(await checkState(inventory, cluster, now, answeredIn(before.facts))),
      ]
      const evidence = compareEvidence(before.facts, now)
      if (json) process.stdout.write(`${JSON.stringify({ kind: 'verify', runId: before.runId, findings, evidence })}\n`)
      else {
        const lines = [
          `Compared with what run ${before.runId} recorded at ${before.facts.readAt}.`,
          ...verifyTable(evidence, terminal.width),
          '',
          ...findingsText(findings, terminal),
        ]
        process.stdout.write(`${lines.join('\n')}\n`)
      }
      if (findings.some(({ level }) => level === 'unknown')) process.exitCode = exitCodes.failed
      if (findings.some(({ level }) => level === 'blocks')) process.exitCode = exitCodes.worse
    })
}

/** Namespaces to whose pods the cluster's DNS answered. */
const answeredIn = (facts: Facts): ReadonlySet<string> =>
  new Set(
    (facts.reachability ?? [])
      .filter(({ to, outcome }) => to.startsWith('dns:') && outcome === 'ok')
      .map(({ from }) => from.split('/')[0] ?? ''),
  )

async function evidenceOf(store: RunStore): Promise<{ runId: string; facts: Facts }> {
  for (const { runId, state } of await store.runs()) {
    const record = state.records.get(recordName)
    if (record === undefined) continue
    const { records } = await store.openRun(runId)
    const value = await records.load(record.file, record.sha256)
    const next = 'Facts of another version of migrate: use the one that the run was made with.'
    return { runId, facts: parseFacts(value, `what run ${runId} recorded (${record.file})`, next) }
  }
  throw new InputError(`no run in ${store.root} recorded anything to compare with`, {
    next: 'A run records it before its first change: migrate run',
  })
}
