import type { Evidence, NodeSignals } from '../probes/evidence.ts'
import { point } from './confidence.ts'
import type { Point } from './diagnosis.ts'

/** Seed 004's warning signs, word for word in numbers. */
export const thresholds = {
  syncP99Ms: 5_000,
  lastSyncAgeMs: 60_000,
  /** Non-zero and growing for so long. */
  pendingMs: 120_000,
  lockPerMinute: 1,
  conntrackShare: 0.75,
  rules: 10_000,
  sandboxMs: 300_000,
} as const

/** One of the eight signals on one node: undefined where it could not be read. */
export interface Signal {
  /** Its number, for comparing nodes; null: none. */
  value: number | null
  /** Whether it is a warning sign; undefined: it could not be told. */
  warns: boolean | undefined
  shown: string
}

export const signalNames = [
  'syncTime',
  'syncAge',
  'pending',
  'lock',
  'conntrack',
  'rules',
  'cniRestarts',
  'sandboxes',
] as const
export type SignalName = (typeof signalNames)[number]
export type Signals = Record<SignalName, Signal> & { malformed: Signal }

const claims: Record<SignalName, string> = {
  syncTime: 'kube-proxy takes longer than 5 s for a sync (p99)',
  syncAge: "kube-proxy's last sync is more than 60 s old",
  pending: 'endpoint changes wait, and more and more for over 2 min',
  lock: 'more than one message a minute about a held xtables lock',
  conntrack: 'conntrack is more than 75 % full',
  rules: 'more than 10,000 iptables rules',
  cniRestarts: 'a pod of the CNI was restarted',
  sandboxes: 'pods wait for a sandbox for more than 5 min',
}

const none = (shown: string): Signal => ({ value: null, warns: undefined, shown })
const over = (value: number | null | undefined, threshold: number, text: (value: number) => string, why: string) =>
  value === null || value === undefined
    ? none(why)
    : ({ value, warns: value > threshold, shown: text(value) } satisfies Signal)

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

function pendingOf(kubeProxy: NodeSignals['kubeProxy']): Signal {
  const samples = kubeProxy?.pendingChanges ?? []
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined) return none('not read')
  const most = Math.max(...samples.map(([, pending]) => pending))
  const forMs = last[0] - first[0]
  const waiting = samples.every(([, pending]) => pending > 0)
  if (!waiting) return { value: most, warns: false, shown: `${most} at most, and none in between` }
  if (forMs < thresholds.pendingMs) return none(`${most} at most; watched for ${seconds(forMs)} only`)
  return { value: most, warns: last[1] > first[1], shown: `${first[1]}, then ${last[1]}` }
}

/** The eight signals of a node, and what else the article looks at: rules that lost their match. */
export function signalsOf(node: NodeSignals): Signals {
  const { kubeProxy, xtablesLock, conntrack, cniRestarts, stuckSandboxes, malformedRules } = node
  const rules = Object.values(node.ruleCounts).reduce((sum, count) => sum + count, 0)
  const restarted = cniRestarts.filter(({ restarts }) => restarts > 0)
  const longest = stuckSandboxes.toSorted((a, b) => b.waitingMs - a.waitingMs)[0]
  return {
    syncTime: over(kubeProxy?.syncP99Ms, thresholds.syncP99Ms, seconds, 'no sync was measured'),
    syncAge: over(kubeProxy?.lastSyncAgeMs, thresholds.lastSyncAgeMs, seconds, 'not read'),
    pending: pendingOf(kubeProxy),
    lock: over(
      xtablesLock?.perMinute,
      thresholds.lockPerMinute,
      (rate) => `${xtablesLock?.messages ?? 0} messages, ${rate.toFixed(1)} a minute`,
      'logs not read',
    ),
    conntrack: over(
      conntrack === null ? null : conntrack.count / Math.max(1, conntrack.max),
      thresholds.conntrackShare,
      () => `${conntrack?.count} of ${conntrack?.max}`,
      'not read',
    ),
    rules: over(rules, thresholds.rules, String, 'not read'),
    cniRestarts: {
      value: restarted.length,
      warns: restarted.length > 0,
      shown: restarted.map(({ pod, restarts }) => `${pod} ${restarts} times`).join(', ') || 'none',
    },
    sandboxes: {
      value: longest?.waitingMs ?? 0,
      warns: (longest?.waitingMs ?? 0) > thresholds.sandboxMs,
      shown: longest === undefined ? 'none waits' : `${longest.pod} for ${seconds(longest.waitingMs)}`,
    },
    malformed: {
      value: malformedRules.length,
      warns: malformedRules.length > 0,
      shown: malformedRules[0] ?? 'none',
    },
  }
}

export interface NodeConflict {
  node: string
  read: NodeSignals
  signals: Signals
}

export const conflictsOf = (evidence: Evidence): NodeConflict[] =>
  Object.entries(evidence.signals).map(([node, read]) => ({ node, read, signals: signalsOf(read) }))

/** The node on which a signal is worst. */
export function worst(nodes: readonly NodeConflict[], name: keyof Signals): NodeConflict | undefined {
  const rank = ({ signals }: NodeConflict) => signals[name].value ?? -1
  return nodes.toSorted((a, b) => rank(b) - rank(a))[0]
}

/** Each of the eight, where it is worst. */
export const signalPoints = (nodes: readonly NodeConflict[]): Point[] =>
  signalNames.map((name) => {
    const at = worst(nodes, name)
    const signal = at?.signals[name] ?? none('no node was asked')
    return point(claims[name], signal.warns, at === undefined ? signal.shown : `${at.node}: ${signal.shown}`)
  })
