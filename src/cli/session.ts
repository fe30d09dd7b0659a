import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runbookOf } from '../../runbooks/runbooks.ts'
import type { Emit } from '../engine/events.ts'
import type { Interrupts } from '../engine/interrupts.ts'
import { localLock, mayBeAlive, readBootId } from '../engine/local-lock.ts'
import type { LockOptions, LockOwner } from '../engine/lock.ts'
import type { Clock, FactsReader, Plan } from '../engine/model.ts'
import type { Operator } from '../engine/operator.ts'
import type { PlanFile } from '../engine/plan-file.ts'
import type { RunContext } from '../engine/run-context.ts'
import { openRunStore, type RunFiles } from '../engine/run-store.ts'
import { InputError } from '../errors.ts'
import { clusterFamilies, type Facts, nodeFamilies } from '../facts/facts.ts'
import { readOperator } from '../facts/operator.ts'
import { parseFacts } from '../facts/parse-facts.ts'
import { factsReader } from '../facts/reader.ts'
import { digest } from '../inventory/load.ts'
import type { Inventory } from '../inventory/schema.ts'
import type { KubeApi } from '../kube/api.ts'
import { openKube, readOnlyKube } from '../kube/client.ts'
import { leaseLock } from '../kube/lease-lock.ts'
import { CommandLog } from '../nodes/logging.ts'
import type { Nodes } from '../nodes/node.ts'
import { nodeLock } from '../nodes/node-lock.ts'
import { openNodes } from '../nodes/nodes.ts'
import { createRedactor } from '../nodes/redactor.ts'
import { fileBackups } from '../operations/file-backups.ts'
import { networkGuards } from '../operations/network-guards.ts'
import type { World } from '../operations/world.ts'
import type { Attempt } from '../probes/attempts.ts'
import { readPaths } from '../probes/node-paths.ts'
import { outageProbe } from '../probes/outage-probe.ts'
import { readReachability } from '../probes/reachability.ts'
import { visible } from '../visible.ts'
import { promptSecrets, type Terminal } from './terminal.ts'

/** A cluster that can be looked at, and with a run also be changed. Nothing is connected before it is used. */
export interface Cluster extends AsyncDisposable {
  readonly nodes: Nodes
  readonly kube: KubeApi
  readonly reader: FactsReader<Facts>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
}

/** For looking only: whatever would change something is refused by the gates of nodes and API. */
export function openForReading(inventory: Inventory, terminal: Terminal): Cluster {
  return open(inventory, terminal, 'read', null)
}

/** For watching: the prober runs on the nodes as transient units; the API is only read. */
export function openForProbing(inventory: Inventory, terminal: Terminal): Cluster {
  return open(inventory, terminal, 'probe', null)
}

function open(
  inventory: Inventory,
  terminal: Terminal,
  purpose: 'read' | 'probe' | 'change',
  run: RunFiles | null,
): Cluster {
  const redactor = createRedactor()
  const nodes = openNodes(inventory, {
    secrets: promptSecrets(terminal),
    redactor,
    mode: purpose === 'read' ? 'read' : 'write',
    ...(run === null ? {} : { log: new CommandLog(run.logDir, redactor) }),
    note: (message) => process.stderr.write(`note: ${visible(message)}\n`),
  })
  // The lifeboat first: it is the last to be touched.
  const names = inventory.nodes.filter(({ role }) => role === 'server').map(({ name }) => name)
  const { lifeboat } = inventory
  const servers = [lifeboat, ...names.filter((name) => name !== lifeboat)].map((name) => nodes.get(name))
  const api = openKube(servers)
  const kube = purpose === 'change' ? api : readOnlyKube(api)
  const reader = factsReader({
    inventory,
    nodes,
    kube,
    clock: systemClock,
    ...(inventory.cilium.install === 'helm' ? { operator: readOperator } : {}),
    reachability: (facts) => readReachability(nodes, facts, inventory.probes.externalTargets),
    paths: (facts) => readPaths(nodes, facts, inventory.cilium),
  })
  return {
    nodes,
    kube,
    reader: purpose === 'probe' ? reader : notingTests(reader),
    async [Symbol.asyncDispose]() {
      await kube.close()
      await nodes.close()
    },
  }
}

/** A test that was killed is told of by whatever looks at the cluster next; once. */
function notingTests(reader: FactsReader<Facts>): FactsReader<Facts> {
  let told = false
  return {
    unanswered: reader.unanswered,
    async read(families, targets, previous) {
      const facts = await reader.read(families, targets, previous)
      if (!told) told = noteLeftByTests(facts)
      return facts
    },
  }
}

/** Says which CronJobs a controlled test has suspended, if any. @returns whether there are some */
export function noteLeftByTests({ kube }: Facts): boolean {
  const left = kube.cronJobs.filter(({ byTest }) => byTest).map(({ namespace, name }) => `${namespace}/${name}`)
  if (left.length === 0) return false
  process.stderr.write(
    `note: a controlled test has suspended ${visible(left.join(', '))}; if it is over: migrate diagnose --restore\n`,
  )
  return true
}

/** For a controlled test: CronJobs are suspended and resumed, and servers keep a timer meanwhile. No run is under way. */
export function openForTest(inventory: Inventory, terminal: Terminal): Cluster {
  return open(inventory, terminal, 'change', null)
}

/**
 * What keeps two operators from changing one cluster at a time.
 * @param bearsSilence whether nodes may be silent when it begins; never the lifeboat, where all meet
 */
export async function locksFor(
  { cluster: { name }, stateDir, lifeboat }: Inventory,
  { nodes, kube }: Pick<Cluster, 'nodes' | 'kube'>,
  runId: string,
  bearsSilence = false,
  breakNonce?: string,
): Promise<LockOptions> {
  const { lockFile, runs } = await openRunStore(stateDir, name)
  const over = (await runs()).filter(({ state }) => state.finished !== null)
  const owner = await lockOwner(runId, name)
  return {
    // Nodes in the inventory's order, so that two operators who start at once meet at the first one.
    places: [
      localLock(lockFile),
      ...nodes.names.map((node) => nodeLock(nodes.get(node), bearsSilence && node !== lifeboat)),
      leaseLock(kube),
    ],
    owner,
    ...(breakNonce === undefined ? {} : { breakNonce }),
    overRuns: new Set(over.map((run) => run.runId)),
    mayBeAlive: (holder) => mayBeAlive(holder, owner),
  }
}

/** How a run is driven from outside. */
export interface Driving {
  emit: Emit
  operator: Operator
  interrupts: Interrupts
  /** `--break-lock` */
  breakNonce?: string
}

export interface OpenRun extends AsyncDisposable {
  readonly context: RunContext<Facts, World>
  /** What the probing saw, once it was stopped; empty when it was skipped. */
  attempts(): Promise<Attempt[]>
}

/**
 * Everything one run is made of, opened for changing.
 * @throws InputError when plan and inventory do not belong together
 */
export async function openRun(
  inventory: Inventory,
  terminal: Terminal,
  run: RunFiles,
  { plan, facts }: PlanFile,
  driving: Driving,
): Promise<OpenRun> {
  checkBelongs(plan, inventory)
  const cluster = open(inventory, terminal, 'change', run)
  const { nodes, kube, reader } = cluster
  const again = 'It is of another version of migrate: use the one that it was made with, or plan anew.'
  const initialFacts = parseFacts(facts, `the facts of plan ${plan.id}`, again)
  const { emit, operator, interrupts, breakNonce } = driving
  // What was read last, of any node: a look at some families returns the rest as last known.
  let known = initialFacts
  const look: World['look'] = async (families, names) => {
    known = await reader.read(families, names ?? 'all', known)
    return known
  }
  const probe = outageProbe({
    nodes,
    look: () => look(['kube', 'sandboxes']),
    folder: () => join(run.dir, 'probe'),
    externalTargets: inventory.probes.externalTargets,
  })
  const world: World = {
    inventory,
    nodes,
    kube,
    look,
    backups: fileBackups(run.backupsDir),
    clock: systemClock,
    probe,
    guards: networkGuards(nodes),
  }
  const runbook = runbookOf(plan.runbook, inventory)
  const locks = await locksFor(inventory, cluster, run.runId, runbook.unsettled !== undefined, breakNonce)
  const context: RunContext<Facts, World> = {
    runId: run.runId,
    plan,
    initialFacts,
    runbook,
    journal: run.journal,
    records: run.records,
    reader,
    world,
    operator,
    clock: systemClock,
    interrupts,
    locks,
    emit,
  }
  return {
    context,
    attempts: async () => (await probe.attempts(run.runId)).attempts,
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  }
}

async function lockOwner(runId: string, cluster: string): Promise<LockOwner> {
  return {
    nonce: randomUUID(),
    runId,
    cluster,
    user: userInfo().username,
    host: hostname(),
    pid: process.pid,
    bootId: await readBootId(),
    since: new Date(systemClock.nowMs()).toISOString(),
  }
}

function checkBelongs(plan: Plan, inventory: Inventory): void {
  const again = { next: 'Plan anew with this inventory, or use the inventory that the plan was made with.' }
  if (plan.cluster !== inventory.cluster.name) {
    throw new InputError(
      `plan ${plan.id} is for the cluster ${plan.cluster}; the inventory is of ${inventory.cluster.name}`,
      again,
    )
  }
  if (plan.inventoryDigest !== digest(inventory)) {
    throw new InputError(`the inventory ${inventory.file} was changed since plan ${plan.id} was made`, again)
  }
}

/**
 * Reads everything a plan depends on. Who reaches whom is left out: no step is planned by it, and it takes a while. Where
 * nodes may be silent, so is what is tried between them and asked of an API that may be away.
 */
export async function readFacts(inventory: Inventory, terminal: Terminal, asked: 'all' | 'answering'): Promise<Facts> {
  await using cluster = openForReading(inventory, terminal)
  const leftOut: readonly string[] =
    asked === 'all' ? ['reachability'] : ['reachability', 'paths', 'obstacles', 'stuck']
  const families = [...nodeFamilies, ...clusterFamilies].filter((family) => !leftOut.includes(family))
  return await cluster.reader.read(families, asked, null)
}
