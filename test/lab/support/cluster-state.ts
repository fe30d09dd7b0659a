import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { until } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { type ClusterObject, objectsOf } from './lab-access.ts'
import { type Names, nodeState } from './node-state.ts'
import { reachMatrix } from './reach.ts'

/**
 * A whole cluster, read behind the product's back: what it must be again after a rollback, and after every way to the end.
 * Sections of sorted lines (`s1 rules`, `objects`, `reach`), so that a difference can be read.
 */
export type ClusterState = Record<string, string[]>

const podSchema = z.looseObject({
  spec: z.looseObject({ nodeName: z.string().default('?'), hostNetwork: z.boolean().default(false) }),
  status: z.looseObject({
    phase: z.string(),
    podIP: z.string().default(''),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
  }),
})
const nodeSchema = z.looseObject({
  spec: z.looseObject({ podCIDR: z.string().default('') }),
  status: z.looseObject({
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), reason: z.string().default('') })),
  }),
})
const ciliumNodeSchema = z.looseObject({
  spec: z.looseObject({
    addresses: z.array(z.looseObject({ ip: z.string(), type: z.string() })).default([]),
    ipam: z.looseObject({ podCIDRs: z.array(z.string()).default([]) }).default({ podCIDRs: [] }),
    health: z.looseObject({ ipv4: z.string().optional() }).default({}),
  }),
})

const isOf = (kind: string) => (object: ClusterObject) => object.kind === kind
const nameOf = ({ metadata }: ClusterObject) => `${metadata.namespace ?? ''}/${metadata.name}`
/** Cilium's own pods are named anew at each start. */
const isCiliums = (pod: ClusterObject) => pod.metadata.labels?.['app.kubernetes.io/part-of'] === 'cilium'

function namesOf(objects: readonly ClusterObject[]): Names {
  const names = new Map<string, string>()
  for (const object of objects.filter(isOf('CiliumNode'))) {
    const { addresses, ipam, health } = ciliumNodeSchema.parse(object).spec
    const { name } = object.metadata
    for (const { ip, type } of addresses) if (type === 'CiliumInternalIP') names.set(ip, `<cilium_host of ${name}>`)
    if (health.ipv4 !== undefined) names.set(health.ipv4, `<health of ${name}>`)
    for (const range of ipam.podCIDRs) {
      names.set(range, `<cilium range of ${name}>`)
      names.set(range.replace(/\/\d+$/, ''), `<cilium range of ${name}>`)
    }
  }
  for (const object of objects.filter(isOf('Pod'))) {
    const pod = podSchema.parse(object)
    if (!pod.spec.hostNetwork && pod.status.podIP !== '') names.set(pod.status.podIP, `<${nameOf(object)}>`)
  }
  return names
}

function podLine(object: ClusterObject): string {
  const { spec, status } = podSchema.parse(object)
  const network = spec.hostNetwork ? 'host' : status.podIP.split('.').slice(0, 2).join('.')
  const ready = status.conditions.find(({ type }) => type === 'Ready')?.status
  const name = isCiliums(object) ? `${object.metadata.labels?.['app.kubernetes.io/name']}` : nameOf(object)
  // Operators may change places.
  const node = name === 'cilium-operator' ? 'any' : spec.nodeName
  return `${name} on ${node}: ${network}, ${status.phase}, ready ${ready}`
}

/** What controllers write about the present moment, and what is numbered anew. */
const passing = new Set([
  'Event',
  'Pod',
  'Lease',
  'Endpoints',
  'EndpointSlice',
  'Secret',
  'CiliumIdentity',
  'CiliumEndpoint',
])
const passingMetadata = new Set([
  'resourceVersion',
  'uid',
  'generation',
  'managedFields',
  'creationTimestamp',
  'selfLink',
])

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sortedKeys(one)]),
  )
}

/** What somebody wants of an object, without what is its state. */
function objectLine(object: ClusterObject, names: Names): string {
  if (object.kind === 'Lease' || object.kind === 'Secret') return `${object.kind} ${nameOf(object)}`
  if (object.kind === 'Node') return nodeLine(object)
  if (object.kind === 'CiliumNode') return `${object.kind} ${nameOf(object)}`
  // The snapshots are kept on purpose.
  if (object.metadata.name === 'k3s-etcd-snapshots') return `${object.kind} ${nameOf(object)}`
  const { status: _, metadata, ...rest } = object
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !passingMetadata.has(key)))
  // Owners are made anew as well.
  const text = JSON.stringify(sortedKeys({ ...rest, metadata: kept })).replace(/"uid":"[0-9a-f-]{36}"/g, '"uid":"X"')
  return `${object.kind} ${nameOf(object)} ${text.replace(/\b\d+\.\d+\.\d+\.\d+(?:\/\d+)?/g, (one) => names.get(one) ?? one)}`
}

function nodeLine(object: ClusterObject): string {
  const { spec, status } = nodeSchema.parse(object)
  const { labels, annotations } = object.metadata
  // Whoever said last that there is a network: nobody takes it back, nor do they on a real cluster (measured.md 4).
  const said = (type: string, reason: string) => (type === 'NetworkUnavailable' ? '' : `/${reason}`)
  const conditions = status.conditions
    .map(({ type, status: is, reason }) => `${type}=${is}${said(type, reason)}`)
    .sort()
  // flannel.1 gets another hardware address each time it is made.
  const wanted = Object.fromEntries(Object.entries(spec).filter(([, value]) => !isDeepStrictEqual(value, [])))
  const text = JSON.stringify(sortedKeys({ labels, annotations, spec: wanted })).replace(
    /([0-9a-f]{2}:){5}[0-9a-f]{2}/g,
    'MAC',
  )
  return `Node ${object.metadata.name} ${text} ${conditions.join(' ')}`
}

const isJobs = (object: ClusterObject) => object.metadata.ownerReferences?.some(({ kind }) => kind === 'Job') ?? false

export async function readState(lab: Lab): Promise<ClusterState> {
  const objects = (await objectsOf(lab)).filter((object) => !isJobs(object))
  const names = namesOf(objects)
  const nodes = await Promise.all(
    lab.nodes.map(async ({ name }) =>
      Object.entries(await nodeState(lab, name, names)).map(([part, lines]): [string, string[]] => [
        `${name} ${part}`,
        lines,
      ]),
    ),
  )
  const rest = objects.filter(({ kind }) => !passing.has(kind) || kind === 'Lease' || kind === 'Secret')
  return {
    ...Object.fromEntries(nodes.flat()),
    pods: objects.filter(isOf('Pod')).map(podLine).sort(),
    objects: rest.map((object) => objectLine(object, names)).sort(),
    reach: await reachMatrix(lab, objects),
  }
}

/** How two states differ: sections and lines, `-` only before, `+` only now. Empty: they are equal. */
export function differences(before: ClusterState, now: ClusterState): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((section) => {
    const left = [...(now[section] ?? [])]
    const gone = (before[section] ?? []).filter((line) => {
      const index = left.indexOf(line)
      if (index !== -1) left.splice(index, 1)
      return index === -1
    })
    return [...gone.map((line) => `${section}: - ${line}`), ...left.map((line) => `${section}: + ${line}`)]
  })
}

const rejected = (state: ClusterState) =>
  Object.values(state)
    .flat()
    .some((line) => line.includes('has no endpoints'))

/** The state when controllers have come to rest: every Service has its endpoints, and nothing moves any more. */
export async function settledState(lab: Lab): Promise<ClusterState> {
  let last = await readState(lab)
  return until({ waitingFor: () => 'the cluster to come to rest', timeoutMs: 90_000, everyMs: 500 }, async () => {
    const now = await readState(lab)
    if (isDeepStrictEqual(now, last) && !rejected(now)) return now
    last = now
    return undefined
  })
}

/** Long lines from where they differ from the most similar other one. */
function shortened(line: string, others: readonly string[]): string {
  const body = line.replace(/^(.*?: )[-+]/, '$1')
  const common = others
    .filter((other) => other !== line)
    .map((other) => {
      const text = other.replace(/^(.*?: )[-+]/, '$1')
      let length = 0
      while (length < body.length && body[length] === text[length]) length++
      return length
    })
  const from = Math.max(0, Math.max(0, ...common) - 100)
  return line.length <= 400 ? line : `${line.slice(0, 100)} ... ${body.slice(Math.max(from, 100), from + 400)}`
}

/** Throws with what differs, unless the cluster comes to rest in the `expected` state: kube-proxy mends its rules every 30 s. */
export async function expectState(lab: Lab, expected: ClusterState): Promise<void> {
  const deadlineMs = Date.now() + 45_000
  for (;;) {
    const found = differences(expected, await readState(lab))
    if (found.length === 0) return
    if (Date.now() < deadlineMs) continue
    const shown = found.slice(0, 60).map((line) => shortened(line, found))
    throw new Error(`${found.length} lines differ (- before, + now):\n${shown.join('\n')}`)
  }
}
