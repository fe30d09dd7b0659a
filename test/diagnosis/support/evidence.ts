import type { NodeFacts } from '../../../src/facts/facts.ts'
import { policySpecSchema } from '../../../src/facts/policies.ts'
import type { Churn, Evidence, NodeSignals, RejectSamples, Series } from '../../../src/probes/evidence.ts'
import type { KubePod } from '../../../src/probes/pairs.ts'
import { someFacts } from '../../operations/some-facts.ts'

/** Evidence of a small healthy cluster by hand, and what changes it: s1, s2, s3, a1; watched for a minute, twice a second. */
export const fromMs = Date.parse('2026-11-21T10:00:00Z')
export const untilMs = fromMs + 60_000
const everyMs = 500

type Outcome = Series['attempts'][number][2]
/** How an attempt ends, by how many milliseconds after the beginning it is made. */
export type Behaviour = (afterMs: number, index: number) => [durationMs: number, outcome: Outcome, firstByteMs?: number]

export const works: Behaviour = () => [2, 'ok']
export const refused: Behaviour = () => [1, 'refused']
/** Refused while in a gap, of so long every so often, shifted. */
export const inBursts =
  (everyMs: number, lengthMs: number, outcome: Outcome = 'refused', shiftMs = 0): Behaviour =>
  (afterMs) =>
    (afterMs + shiftMs) % everyMs < lengthMs ? [1, outcome] : [2, 'ok']

export function attempts(behaviour: Behaviour): Series['attempts'] {
  return Array.from({ length: (untilMs - fromMs) / everyMs }, (_, index) => {
    const [durationMs, outcome, firstByteMs] = behaviour(index * everyMs, index)
    return [fromMs + index * everyMs, durationMs, outcome, firstByteMs ?? null]
  })
}

type Ends = Pick<Series, 'from' | 'fromNode' | 'to' | 'toNode'>

export function series(ends: Ends, behaviour: Behaviour, more: Partial<Series> = {}): Series {
  const port = more.port ?? 8080
  return {
    id: `${ends.from}>${ends.to}:${port}`,
    ...ends,
    address: '10.42.1.5',
    port,
    kind: 'tcp',
    sort: ends.from.startsWith('node:') ? 'node' : ends.fromNode === ends.toNode ? 'same-node' : 'cross-node',
    fromSelected: false,
    toSelected: false,
    allowed: true,
    attempts: attempts(behaviour),
    ...more,
  }
}

export const pod = (namespace: string, name: string, node: string, more: Partial<KubePod> = {}): KubePod => ({
  namespace,
  name,
  uid: `u-${namespace}-${name}`,
  node,
  phase: 'Running',
  ip: '10.42.9.9',
  hostNetwork: false,
  ready: true,
  owner: null,
  labels: { app: name },
  ports: [8080],
  hostPorts: [],
  containerPorts: [{ name: 'web', port: 8080, protocol: 'TCP', hostPort: null }],
  waiting: null,
  restarts: 0,
  startedMs: fromMs - 3_600_000,
  ...more,
})

export const policy = (
  namespace: string,
  name: string,
  spec: object,
): Evidence['facts']['kube']['policies'][number] => ({
  namespace,
  name,
  spec: policySpecSchema.parse(spec),
})

export const samples = (node: string, more: Partial<RejectSamples> = {}): RejectSamples => ({
  node,
  samplesMs: Array.from({ length: 60 }, (_, second) => fromMs + second * 1000),
  cpuShare: 0.01,
  reconcilesMs: [],
  rejects: [],
  gaps: [],
  problem: null,
  ...more,
})

export const signals = (more: Partial<NodeSignals> = {}): NodeSignals => ({
  kubeProxy: {
    mode: 'iptables',
    syncP99Ms: 90,
    syncs: 12,
    lastSyncAgeMs: 8_000,
    pendingChanges: [
      [fromMs, 0],
      [untilMs, 0],
    ],
  },
  xtablesLock: { messages: 0, perMinute: 0, examples: [] },
  iptables: [{ where: 'host', version: '1.8.9', backend: 'nft' }],
  ruleCounts: { 'ip-nft filter': 300, 'ip-nft nat': 120 },
  malformedRules: [],
  conntrack: { count: 900, max: 262_144 },
  cniRestarts: [],
  stuckSandboxes: [],
  problems: [],
  ...more,
})

/** Pods that a CronJob makes and that end, every so many seconds. */
export const cronChurn = (namespace: string, job: string, everySeconds: number): Churn[] =>
  Array.from({ length: Math.floor(60 / everySeconds) }, (_, index) =>
    (['added', 'deleted'] as const).map((verb, at) => ({
      atMs: fromMs + index * everySeconds * 1000 + at * 400,
      kind: 'Pod' as const,
      verb,
      namespace,
      name: `${job}-${index}`,
      owner: `CronJob/${job}`,
    })),
  ).flat()

const shop = { from: 'shop/cli', fromNode: 's1', to: 'shop/web', toNode: 's2' }

/** Nothing is wrong: policies deny what they deny, kube-router refuses that and reconciles, and a pod was made anew. */
export function healthy(): Evidence {
  const facts = someFacts()
  facts.kube.pods = [
    pod('shop', 'cli', 's1'),
    pod('shop', 'web', 's2'),
    pod('edge', 'probe-s1', 's1'),
    pod('edge', 'probe-s2', 's2'),
    pod('kube-system', 'coredns', 's3'),
    pod('kube-system', 'kube-vip-s1', 's1', { hostNetwork: true, ports: [] }),
  ]
  facts.kube.namespaces = ['shop', 'edge', 'kube-system'].map((name) => ({
    name,
    labels: { 'kubernetes.io/metadata.name': name },
  }))
  facts.kube.policies = [
    policy('shop', 'default-deny', { podSelector: {}, policyTypes: ['Ingress'] }),
    policy('shop', 'web', {
      podSelector: { matchLabels: { app: 'web' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'cli' } } }], ports: [{ port: 8080 }] }],
    }),
  ]
  const denied = (ends: Ends) => series(ends, refused, { toSelected: true, allowed: false })
  return {
    format: 1,
    cluster: 'lab',
    clusterId: 'uid-1',
    fromMs,
    untilMs,
    facts,
    series: [
      series(shop, works, { toSelected: true }),
      series({ from: 'edge/probe-s1', fromNode: 's1', to: 'edge/probe-s2', toNode: 's2' }, works),
      series({ from: 'edge/probe-s2', fromNode: 's2', to: 'edge/probe-s1', toNode: 's1' }, works),
      denied({ from: 'edge/probe-s1', fromNode: 's1', to: 'shop/web', toNode: 's2' }),
      denied({ from: 'node:s1', fromNode: 's1', to: 'shop/web', toNode: 's2' }),
      series({ from: 'node:s2', fromNode: 's2', to: 'shop/web', toNode: 's2' }, works, { toSelected: true }),
      series({ from: 'node:s1', fromNode: 's1', to: 'edge/probe-s2', toNode: 's2' }, works),
      series({ from: 'shop/cli', fromNode: 's1', to: 'dns:kube-system/kube-dns', toNode: null }, works, {
        kind: 'dns',
        sort: 'dns',
        port: 53,
      }),
    ],
    rejects: ['s1', 's2', 's3', 'a1'].map((node) =>
      samples(node, {
        reconcilesMs: [fromMs + 7_000, fromMs + 31_000],
        rejects:
          node === 's2'
            ? [
                {
                  namespace: 'shop',
                  pod: 'web',
                  increments: Array.from({ length: 60 }, (_, second) => [fromMs + second * 1000, 4]),
                },
              ]
            : [],
      }),
    ),
    churn: cronChurn('shop', 'report', 30),
    signals: Object.fromEntries(['s1', 's2', 's3', 'a1'].map((node) => [node, signals()])),
    podNetworks: [],
    notMeasured: [],
  }
}

/** The node's facts are changed as they are, in place: the evidence was made by hand for one test. */
export function nodeOf(evidence: Evidence, name: string): NodeFacts {
  const node = evidence.facts.nodes[name]
  if (node === undefined) throw new Error(`no node ${name}`)
  return node
}
