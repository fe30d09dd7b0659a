import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { FailedError, InputError } from '../errors.ts'
import { application } from './application.ts'
import { removeCgroups } from './cgroups.ts'
import { applyWorkload, startCluster } from './cluster.ts'
import type { Fault, FaultName } from './faults.ts'
import { type Finished, must, prepareHost, type RunOptions, run, runAttached } from './host.ts'
import { writeInventory } from './inventory-file.ts'
import { type K3sConfigPlace, k3sFiles, standinWrapper } from './k3s-files.ts'
import {
  checkLabName,
  defaultLabName,
  labDir,
  namespaceOf,
  nodeDir,
  type PlannedNode,
  places,
  planNodes,
} from './layout.ts'
import { makeNetwork, removeNetwork } from './links.ts'
import { createMachine, execIn, hostKeysOf, leaderOf, type Machine, type OwnFile, powerOff, powerOn } from './node.ts'
import { placeRealK3s, type RealK3s } from './real-k3s.ts'
import { ensureRootfs } from './rootfs.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { type ScenarioName, scenarios } from './scenarios/scenarios.ts'
import { checkLabExists, type LabState, labNames, readState, writeState } from './state.ts'

export interface LabOptions {
  /** Default `lab`. */
  name?: string
  /** Default 3. */
  servers?: number
  /** What runs on it, and what it suffers from. Default healthy. */
  scenario?: ScenarioName
  /** Default 1, or the scenario's. */
  agents?: number
  /** What `iptables` is on the nodes. Default nft, as Debian's, or the scenario's. */
  iptables?: 'nft' | 'legacy'
  /** Default `default`: see K3sConfigPlace. */
  k3sConfig?: K3sConfigPlace
  /** A real K3s and its images instead of the stand-in. */
  k3s?: RealK3s
  /** false: machines only, K3s is installed but not started. Default true. */
  cluster?: boolean
  /** Gets one line for each thing that is begun, installed or waited for. Default: nothing is said. */
  say?: (line: string) => void
}

export interface LabNode extends PlannedNode {
  /** PID on this machine of the node's first process; null while the node is off. */
  pid: number | null
}

/** A lab that is there. */
export interface Lab {
  name: string
  scenario: ScenarioName
  stateDir: string
  inventoryFile: string
  nodes: LabNode[]
  /** Name of the network namespace that the operator's side runs in (`ip netns`). */
  operatorNamespace: string
  /** Runs a program in a node as root, past sshd: for tests that look behind the product's back. */
  exec(node: string, argv: readonly [string, ...string[]], options?: { stdin?: string }): Promise<Finished>
  /** Runs a program on this machine, with the network of the operator's side; `migrate` is on its PATH. */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<Finished>
}

/**
 * Makes a practice cluster: machines, K3s, a workload. Resolves when every pod of it runs. After an error what was made is
 * left to be looked at; `down` takes it away.
 */
export async function up(options: LabOptions = {}): Promise<Lab> {
  const name = checkLabName(options.name ?? defaultLabName)
  const scenarioName = options.scenario ?? 'healthy'
  const scenario: Scenario = scenarios[scenarioName]
  const nodes = planNodes(options.servers ?? 3, options.agents ?? scenario.agents ?? 1)
  checkScenario(scenarioName, nodes.length, options)
  const say = options.say ?? (() => {})
  if (existsSync(labDir(name))) {
    throw new InputError(`lab "${name}" is there already`, {
      next: `migrate lab down --name ${name}, or give the new one another --name`,
    })
  }
  await prepareHost(say)
  const rootfs = await ensureRootfs(say)
  mkdirSync(places.state, { recursive: true, mode: 0o700 })
  // Whoever makes this folder has the name: a second `up` of the same name fails here.
  mkdirSync(labDir(name), { mode: 0o700 })
  const state: LabState = {
    name,
    createdAt: new Date().toISOString(),
    rootfs,
    iptables: options.iptables ?? scenario.iptables ?? 'nft',
    scenario: scenarioName,
    complete: false,
    nodes,
  }
  writeState(state)
  try {
    await bootMachines(state, options, say)
    if (options.cluster !== false) {
      const cluster = { lab: name, nodes, real: options.k3s !== undefined, say }
      await startCluster(cluster)
      await applyWorkload(cluster, scenario)
      for (const node of nodes) if (scenario.fault !== undefined) breakNode(name, node.name, scenario.fault)
    }
  } catch (error) {
    if (error instanceof FailedError && error.context.next === undefined) {
      error.context.next = `look at the nodes (migrate lab shell --name ${name}), then: migrate lab down --name ${name}`
    }
    throw error
  }
  writeState({ ...state, complete: true })
  return find(name)
}

/** Throws InputError for options that the scenario could not show itself with. */
function checkScenario(name: ScenarioName, nodeCount: number, options: LabOptions): void {
  const { leastNodes, iptables, real }: Scenario = scenarios[name]
  if (nodeCount < leastNodes) throw new InputError(`scenario "${name}" needs ${leastNodes} nodes at least`)
  if (iptables !== undefined && options.iptables !== undefined && options.iptables !== iptables)
    throw new InputError(`scenario "${name}" is one of iptables-${iptables}`, { next: 'leave --iptables out' })
  if (options.k3s !== undefined && real !== true)
    throw new InputError(`scenario "${name}" needs programs that only the stand-in has`, { next: 'leave --k3s out' })
}

async function bootMachines(state: LabState, options: LabOptions, say: (line: string) => void): Promise<void> {
  const { name, nodes } = state
  const dir = labDir(name)
  say(`making ${nodes.map((node) => node.name).join(', ')} and the network between them`)
  const identityFile = `${dir}/id_ed25519`
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', `lab ${name}`, '-f', identityFile])
  const authorizedKey = readFileSync(`${identityFile}.pub`, 'utf8')
  const sudoPassword = randomBytes(12).toString('base64url')
  writeFileSync(`${dir}/operatorpw.password`, `${sudoPassword}\n`, { mode: 0o600 })
  const token = randomBytes(16).toString('hex')
  writeMigrate(dir)
  await makeNetwork(name)
  const since = performance.now()
  await Promise.all(
    nodes.map(async (node) => {
      const machine = machineOf(state, node)
      const scenario: Scenario = scenarios[state.scenario]
      const files = [...k3sOf(options, nodes, node, token), ...(scenario.files ?? [])]
      await createMachine(machine, nodes, authorizedKey, files)
      if (options.k3s !== undefined) placeRealK3s(options.k3s, machine)
      await powerOn(machine)
      await finishMachine(state, node.name, sudoPassword)
    }),
  )
  say(`every node answers ssh after ${((performance.now() - since) / 1000).toFixed(1)} s`)
  const knownHosts = nodes.flatMap((node) => hostKeysOf(machineOf(state, node)))
  writeFileSync(`${dir}/known_hosts`, `${knownHosts.join('\n')}\n`, { mode: 0o600 })
  writeInventory(dir, name, nodes)
}

/** `migrate` for the operator's side: this very program, also where nothing of that name is installed. */
function writeMigrate(dir: string): void {
  mkdirSync(`${dir}/bin`)
  const quoted = [process.execPath, application().commandLine].map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  // It is begun hundreds of times in a drill: compiled once.
  const text = `#!/bin/sh\nexport NODE_COMPILE_CACHE='${dir}/compiled'\nexec ${quoted.join(' ')} "$@"\n`
  writeFileSync(`${dir}/bin/migrate`, text, { mode: 0o755 })
}

const machineOf = (state: LabState, node: PlannedNode): Machine => ({
  lab: state.name,
  name: node.name,
  address: node.address,
  rootfs: state.rootfs,
})

/** The files of K3s on a node, as install.sh leaves them. */
function k3sOf(options: LabOptions, nodes: readonly PlannedNode[], node: PlannedNode, token: string): OwnFile[] {
  const packaged = ['traefik', 'servicelb', 'metrics-server', 'local-storage']
  const files = k3sFiles({
    node,
    firstServer: nodes[0]?.address ?? node.address,
    token,
    place: options.k3sConfig ?? 'default',
    // The stand-in brings no components; the workload has a DNS server instead.
    disable: options.k3s === undefined ? [...packaged, 'coredns'] : packaged,
  })
  if (options.k3s !== undefined) return files
  return [...files, { path: '/usr/local/bin/k3s', content: standinWrapper(application().entry), mode: 0o755 }]
}

/** What is easier done by the node's own programs than in its files. */
async function finishMachine(state: LabState, node: string, sudoPassword: string): Promise<void> {
  const inside = async (argv: [string, ...string[]], stdin = '', why = '') => {
    const { code, stderr } = await execIn(state.name, node, argv, { stdin })
    if (code !== 0) throw new FailedError(`${node}: ${argv.join(' ')} ended with ${code}: ${stderr.trim()}${why}`)
  }
  await inside(['chpasswd'], `operatorpw:${sudoPassword}\n`)
  await inside(['ln', '-s', 'k3s', '/usr/local/bin/kubectl'])
  await inside(['ln', '-s', 'k3s', '/usr/local/bin/crictl'])
  await inside(['ln', '-s', 'k3s', '/usr/local/bin/ctr'])
  if (state.iptables === 'legacy') {
    for (const family of ['iptables', 'ip6tables']) {
      await inside(['update-alternatives', '--quiet', '--set', family, `/usr/sbin/${family}-legacy`])
    }
  }
  const hint = `\nThis Node (${process.execPath}) needs libraries that a plain Debian lacks: use the one that npm ci installs.`
  await inside(['/usr/lib/migrate-lab/bin/node', '--version'], '', hint)
}

/** The lab of that name, whoever made it. Throws InputError when there is none, FailedError for one never finished. */
export function find(name: string = defaultLabName): Lab {
  const state = stateOf(name)
  const operatorNamespace = namespaceOf(name, 'operator')
  return {
    name,
    scenario: state.scenario,
    stateDir: labDir(name),
    inventoryFile: `${labDir(name)}/inventory.yaml`,
    nodes: state.nodes.map((node) => ({ ...node, pid: leaderOf(name, node.name)?.pid ?? null })),
    operatorNamespace,
    exec: (node, argv, options) => execIn(name, nodeOf(state, node).name, argv, options),
    run: (argv, options) =>
      run(inOperatorNamespace(name, argv), { ...options, env: { ...operatorEnv(name), ...options?.env } }),
  }
}

/** As `Lab.run`, with this terminal passed through; gives the exit code. */
export function runFromOperator(lab: Lab, argv: readonly [string, ...string[]]): Promise<number> {
  return runAttached(inOperatorNamespace(lab.name, argv), operatorEnv(lab.name))
}

const operatorEnv = (lab: string) => ({ PATH: `${labDir(lab)}/bin:${process.env.PATH ?? '/usr/bin:/bin'}` })

function stateOf(name: string): LabState {
  const state = readState(name)
  if (state !== undefined) return state
  throw new FailedError(`the making of lab "${name}" was broken off before its first node`, {
    next: `migrate lab down --name ${name}`,
  })
}

function inOperatorNamespace(lab: string, argv: readonly [string, ...string[]]): [string, ...string[]] {
  return ['nsenter', `--net=/run/netns/${namespaceOf(lab, 'operator')}`, '--', ...argv]
}

function nodeOf(state: LabState, name: string): PlannedNode {
  const node = state.nodes.find((one) => one.name === name)
  if (node !== undefined) return node
  throw new InputError(`lab "${state.name}" has no node "${name}"`, {
    next: `one of: ${state.nodes.map((one) => one.name).join(', ')}`,
  })
}

export interface LabSummary {
  name: string
  /** When it was begun; null when that was not written, or cannot be read. */
  createdAt: string | null
  /** false: `up` has not ended, or ended badly. */
  complete: boolean
  /** null when it cannot be read. */
  scenario: ScenarioName | null
  nodes: (LabNode & { faults: string[] })[]
}

/** All labs of this machine, also those whose creator is gone. */
export function list(): LabSummary[] {
  return labNames().map((name) => {
    const state = readableState(name)
    return {
      name,
      createdAt: state?.createdAt ?? null,
      complete: state?.complete ?? false,
      scenario: state?.scenario ?? null,
      nodes: (state?.nodes ?? []).map((node) => ({
        ...node,
        pid: leaderOf(name, node.name)?.pid ?? null,
        faults: faultsOf(name, node.name),
      })),
    }
  })
}

/** One lab that cannot be read must not hide the others. */
function readableState(name: string): LabState | undefined {
  try {
    return readState(name)
  } catch (error) {
    if (error instanceof FailedError) return undefined
    throw error
  }
}

/** Switches a node off (at once, as a power failure) or on again (back when it answers ssh; K3s starts by itself). */
export async function power(name: string, node: string, state: 'on' | 'off'): Promise<void> {
  const lab = stateOf(name)
  const planned = nodeOf(lab, node)
  const isOn = leaderOf(name, node) !== undefined
  if (isOn === (state === 'on')) throw new InputError(`${node} is ${state} already`)
  if (state === 'on') await powerOn(machineOf(lab, planned))
  else await powerOff(name, node)
}

const faultsDir = (name: string, node: string) => `${nodeDir(name, node)}/faults`

function faultsOf(name: string, node: string): string[] {
  return existsSync(faultsDir(name, node)) ? readdirSync(faultsDir(name, node)) : []
}

/** Lays a fault on a node that is on or off; the stand-in there sees it at once. */
export function breakNode(name: string, node: string, fault: Fault): void {
  const lab = stateOf(name)
  writeFileSync(`${faultsDir(name, nodeOf(lab, node).name)}/${fault.name}`, fault.value)
}

/** Takes a fault away again. Throws InputError when the node does not have it. */
export function mendNode(name: string, node: string, fault: FaultName): void {
  const lab = stateOf(name)
  const file = `${faultsDir(name, nodeOf(lab, node).name)}/${fault}`
  if (!existsSync(file)) {
    const there = faultsOf(name, node).join(', ') || 'none'
    throw new InputError(`${node} does not have the fault "${fault}"`, { next: `faults there: ${there}` })
  }
  rmSync(file)
}

/**
 * Takes a lab away: its processes (by pid and start time), links, namespaces, cgroups and files; nothing of another lab.
 * Works on a lab that was never finished. Nothing is shut down: a clean stop of a node with pods takes 90 s.
 */
export async function down(name: string = defaultLabName): Promise<void> {
  checkLabExists(name)
  const nodes = existsSync(`${labDir(name)}/nodes`) ? readdirSync(`${labDir(name)}/nodes`) : []
  await Promise.all(nodes.map((node) => powerOff(name, node)))
  await removeNetwork(name)
  await removeCgroups(name)
  rmSync(labDir(name), { recursive: true, force: true })
  if (readdirSync(places.state).length === 0) rmdirSync(places.state)
}
