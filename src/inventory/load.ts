import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { digestOf } from '../engine/digest.ts'
import type { Json } from '../engine/model.ts'
import { InputError } from '../errors.ts'
import { type ExtraRule, maxBytes, parseInventory } from './parse.ts'
import type { Path, Problem } from './problems.ts'
import type { Inventory, InventoryFile, InventoryNode, SshSettings } from './schema.ts'

export interface LoadOptions {
  /** False when no node will be spoken to (planning from a facts file): keys and known_hosts need not be here. */
  checkFiles: boolean
  /** Overrides the inventory's stateDir; relative to the working directory. */
  stateDir?: string
}

/**
 * Reads, checks and resolves an inventory.
 * @throws InputError naming file, line, column and key of everything that is wrong.
 */
export function loadInventory(file: string, options: LoadOptions): Inventory {
  const path = resolve(file)
  const place = (name: string) => resolvePath(dirname(path), name)
  const missing: ExtraRule = (inventory) => (options.checkFiles ? unreadableFiles(inventory, place) : [])
  const parsed = parseInventory(readBytes(path, file), file, missing)

  const lifeboat = lifeboatOf(parsed)
  return {
    file: path,
    cluster: parsed.cluster,
    nodes: parsed.nodes.map((node) => resolveNode(parsed, node, place)),
    lifeboat,
    canary: canaryOf(parsed, lifeboat),
    cilium: {
      ...parsed.cilium,
      chart: 'path' in parsed.cilium.chart ? { path: place(parsed.cilium.chart.path) } : parsed.cilium.chart,
    },
    probes: parsed.probes,
    stateDir: options.stateDir === undefined ? place(parsed.stateDir ?? '.migrate') : resolve(options.stateDir),
  }
}

const lifeboatOf = ({ lifeboat, nodes }: InventoryFile): string =>
  lifeboat ?? nodes.findLast(({ role }) => role === 'server')?.name ?? ''

function canaryOf({ canary, nodes }: InventoryFile, lifeboat: string): string {
  const others = nodes.filter(({ name }) => name !== lifeboat)
  const first = others.find(({ role }) => role === 'agent') ?? others[0]
  return canary ?? first?.name ?? lifeboat
}

/**
 * sha256 (hex) over what a plan depends on. How one operator reaches the nodes (keys, jump hosts, folders) is left out,
 * so that a colleague with other keys can run the plan.
 */
export function digest(inventory: Inventory): string {
  const { cluster, nodes, lifeboat, canary, cilium, probes } = inventory
  const meaning = {
    cluster,
    nodes: nodes.map(({ name, role, address }) => ({ name, role, address })),
    lifeboat,
    canary,
    cilium: { ...cilium, chart: 'path' in cilium.chart ? { path: cilium.chart.path.split('/').at(-1) } : cilium.chart },
    probes,
  }
  return digestOf(meaning as unknown as Json)
}

function readBytes(path: string, file: string): Uint8Array {
  const hint = { next: 'Name the inventory with -i FILE. inventory/example.yaml is one to start from.' }
  try {
    const info = statSync(path)
    if (!info.isFile()) throw new InputError(`${file} is not a file; expected an inventory in YAML`, hint)
    if (info.size > maxBytes) throw new InputError(`${file} has ${info.size} bytes; expected at most ${maxBytes}`, hint)
    return readFileSync(path)
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(`The inventory ${file} cannot be read: ${reason(error)}`, hint, error)
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'permission denied'
  return error instanceof Error ? error.message : String(error)
}

function resolvePath(base: string, name: string): string {
  if (name === '~' || name.startsWith('~/')) return resolve(homedir(), name.slice(2))
  return resolve(base, name)
}

const asList = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value)

function resolveNode(inventory: InventoryFile, node: InventoryFile['nodes'][number], place: (name: string) => string) {
  const { identityFile, configFile, knownHostsFile, ...plain } = { ...inventory.ssh, ...node.ssh }
  const ssh = {
    ...plain,
    ...(identityFile === undefined ? {} : { identityFile: place(identityFile) }),
    ...(configFile === undefined ? {} : { configFile: place(configFile) }),
    ...(knownHostsFile === undefined ? {} : { knownHostsFile: asList(knownHostsFile).map(place) }),
  }
  return { name: node.name, role: node.role, address: node.address, ssh: withoutUndefined(ssh) } satisfies InventoryNode
}

function withoutUndefined(ssh: { [K in keyof SshSettings]?: SshSettings[K] | undefined }): SshSettings {
  return Object.fromEntries(Object.entries(ssh).filter(([, value]) => value !== undefined))
}

/** Files the inventory names that are not there: better known now than at the first connection. */
function unreadableFiles(inventory: InventoryFile, place: (name: string) => string): Problem[] {
  const named: { path: Path; file: string }[] = []
  const collect = (ssh: InventoryFile['ssh'], base: Path) => {
    if (ssh.identityFile !== undefined) named.push({ path: [...base, 'identityFile'], file: ssh.identityFile })
    if (ssh.configFile !== undefined) named.push({ path: [...base, 'configFile'], file: ssh.configFile })
    for (const [index, file] of asList(ssh.knownHostsFile ?? []).entries()) {
      const isList = typeof ssh.knownHostsFile !== 'string'
      named.push({ path: [...base, 'knownHostsFile', ...(isList ? [index] : [])], file })
    }
  }
  collect(inventory.ssh, ['ssh'])
  for (const [index, node] of inventory.nodes.entries()) if (node.ssh) collect(node.ssh, ['nodes', index, 'ssh'])
  if ('path' in inventory.cilium.chart)
    named.push({ path: ['cilium', 'chart', 'path'], file: inventory.cilium.chart.path })

  return named.flatMap(({ path, file }): Problem[] => {
    try {
      accessSync(place(file), constants.R_OK)
      return []
    } catch (error) {
      return [{ path, text: `${place(file)} cannot be read: ${reason(error)}; expected a file` }]
    }
  })
}
