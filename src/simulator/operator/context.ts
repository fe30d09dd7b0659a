import { runbookOf } from '../../../runbooks/runbooks.ts'
import type { EngineEvent } from '../../engine/events.ts'
import type { LockOwner } from '../../engine/lock.ts'
import type { Plan } from '../../engine/model.ts'
import type { Operator } from '../../engine/operator.ts'
import type { RunContext } from '../../engine/run-context.ts'
import type { Facts } from '../../facts/facts.ts'
import { factsReader } from '../../facts/reader.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { leaseLock } from '../../kube/lease-lock.ts'
import { nodeLock } from '../../nodes/node-lock.ts'
import { networkGuards } from '../../operations/network-guards.ts'
import type { World } from '../../operations/world.ts'
import { readPaths } from '../../probes/node-paths.ts'
import { readReachability } from '../../probes/reachability.ts'
import type { Disk } from './disk.ts'
import { simulatedProbe } from './probe.ts'
import type { OperatorProcess } from './process.ts'
import { simulatedBackups, simulatedJournal, simulatedLock, simulatedRecords, traced } from './store.ts'

/** What a run is made of besides its world. */
export interface RunOf {
  inventory: Inventory
  plan: Plan
  facts: Facts
  runId: string
}

/** Does every step, and accepts drift or does not. */
export const unattended = (drift: 'accept' | 'stop'): Operator => ({
  confirm: async () => 'go',
  drift: async () => drift,
})

export function readerOf(process: OperatorProcess, inventory: Inventory) {
  const nodes = { ...process.nodes, names: inventory.nodes.map(({ name }) => name) }
  return factsReader({
    inventory,
    nodes,
    kube: process.kube,
    clock: process.clock,
    reachability: (facts) => readReachability(nodes, facts),
    paths: (facts) => readPaths(nodes, facts, inventory.cilium),
  })
}

/** As cli/session.ts opens a run, with everything that acts behind the process' handles. */
export function contextOf(
  process: OperatorProcess,
  { inventory, plan, facts, runId }: RunOf,
  disk: Disk,
  operator: Operator,
  emit: (event: EngineEvent) => void = () => undefined,
): RunContext<Facts, World> {
  const reader = readerOf(process, inventory)
  const names = inventory.nodes.map(({ name }) => name)
  let known = facts
  const look: World['look'] = async (families, targets) => {
    known = await reader.read(families, targets ?? 'all', known)
    return known
  }
  const owner: LockOwner = {
    nonce: `nonce-${process.id}`,
    runId,
    cluster: inventory.cluster.name,
    user: process.operator,
    host: `laptop-of-${process.operator}`,
    pid: process.id,
    bootId: 'boot',
    since: new Date(process.clock.nowMs()).toISOString(),
  }
  const runbook = runbookOf(plan.runbook, inventory)
  const mayBeAway = (name: string) => runbook.unsettled !== undefined && name !== inventory.lifeboat
  const places = [
    simulatedLock(process, disk),
    ...names.map((name) => nodeLock(process.nodes.get(name), mayBeAway(name))),
    leaseLock(process.kube),
  ]
  return {
    runId,
    plan,
    initialFacts: facts,
    runbook,
    journal: simulatedJournal(process, disk),
    records: simulatedRecords(process, disk),
    reader,
    world: {
      inventory,
      nodes: { ...process.nodes, names },
      kube: process.kube,
      look,
      backups: simulatedBackups(process, disk),
      clock: process.clock,
      guards: networkGuards(process.nodes),
      probe: simulatedProbe(process, disk, names, () => look(['kube', 'sandboxes'])),
    },
    operator,
    clock: process.clock,
    interrupts: { stop: process.stop.signal, abort: process.abort.signal },
    locks: {
      places: places.map((place) => traced(process, place)),
      owner,
      // Processes of one operator follow each other here; another operator's is on a machine that cannot be asked.
      overRuns: new Set(),
      mayBeAlive: (holder) => holder.host !== owner.host,
    },
    emit,
  }
}
