import { InputError } from '../errors.ts'

/** Where the practice cluster keeps its things on this machine. */
export const places = {
  /** One root file system for all nodes of all labs; kept when a lab goes down. */
  cache: '/var/cache/cni-migrate-lab',
  /** One folder a lab; gone when it is taken down. */
  state: '/var/lib/cni-migrate-lab',
} as const

/** Every lab has the same addresses: network namespaces keep them apart. */
export const network = { prefixLength: 24, gateway: '192.168.77.1', operator: '192.168.77.2' } as const

export interface PlannedNode {
  /** s1, s2, ... for servers; a1, a2, ... for agents. */
  name: string
  role: 'server' | 'agent'
  address: string
}

export function planNodes(servers: number, agents: number): PlannedNode[] {
  // The addresses .11 to .20 are the servers', .21 to .254 the agents'.
  checkCount('servers', servers, 1, 10)
  checkCount('agents', agents, 0, 234)
  const node = (role: PlannedNode['role'], letter: string, index: number, base: number): PlannedNode => ({
    name: `${letter}${index + 1}`,
    role,
    address: `192.168.77.${base + index}`,
  })
  return [
    ...Array.from({ length: servers }, (_, index) => node('server', 's', index, 11)),
    ...Array.from({ length: agents }, (_, index) => node('agent', 'a', index, 21)),
  ]
}

function checkCount(what: string, count: number, least: number, most: number): void {
  if (!Number.isInteger(count) || count < least || count > most) {
    throw new InputError(`${what}: ${count} is not a whole number from ${least} to ${most}`)
  }
}

export const defaultLabName = 'lab'

/** Throws InputError unless the name is short and plain enough for namespaces, cgroups, machine names and paths. */
export function checkLabName(name: string): string {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name) || name.endsWith('-')) {
    throw new InputError(`lab name "${name}": expected up to 31 small letters, digits and "-", beginning with a letter`)
  }
  return name
}

export const labDir = (lab: string) => `${places.state}/${lab}`
export const nodeDir = (lab: string, node: string) => `${labDir(lab)}/nodes/${node}`
/** Network namespace of a node; `bridge` and `operator` are the lab's two others. */
export const namespaceOf = (lab: string, node: string) => `lab-${lab}-${node}`
export const cgroupOf = (lab: string, node: string) => `cni-migrate-lab.${lab}.${node}`

/** The lab's own among namespaces: lab "a" must not take those of lab "a-b" for its own. */
export function isNamespaceOf(lab: string, namespace: string): boolean {
  const prefix = `lab-${lab}-`
  return namespace.startsWith(prefix) && /^([sa]\d+|bridge|operator)$/.test(namespace.slice(prefix.length))
}

export function isCgroupOf(lab: string, cgroup: string): boolean {
  const prefix = `cni-migrate-lab.${lab}.`
  return cgroup.startsWith(prefix) && /^[sa]\d+$/.test(cgroup.slice(prefix.length))
}
