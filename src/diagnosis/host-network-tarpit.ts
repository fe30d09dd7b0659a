import type { Evidence, Series } from '../probes/evidence.ts'
import { type LatencyMode, latencyModes } from '../probes/statistics/latency-modes.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Detail, type Figure, type Rule, silent } from './diagnosis.ts'
import { fixesFor } from './host-network-fixes.ts'
import { isAbout, type MeantForHostNetwork, meantForHostNetwork } from './host-network-policies.ts'
import { failureRate, shareText } from './rate.ts'
import { type SeenPair, seen, tally } from './seen-pairs.ts'

const title = 'a NetworkPolicy lets in hostNetwork pods by a selector, which never matches them'

/** From here on a request is one that had to wait; a web page behind a proxy takes less. */
const slowMs = 1_000

/** What was probed of one rule's path: from the sources' nodes to its backends, and through its sources from outside. */
interface Path {
  rule: MeantForHostNetwork
  /** From another node than the backend's. */
  cross: readonly SeenPair[]
  same: readonly SeenPair[]
  /** Requests to the sources themselves. */
  entries: readonly Series[]
}

const podName = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`

function pathOf(evidence: Evidence, rule: MeantForHostNetwork): Path {
  const nodes = new Set(rule.sources.flatMap(({ node }) => node ?? []))
  const backends = new Map(rule.backends.map((pod) => [podName(pod), pod]))
  // Denied or not: that they are denied is the fault.
  const direct = evidence.series
    .filter(({ from, fromNode, to, port }) => {
      const backend = backends.get(to)
      return from === `node:${fromNode}` && nodes.has(fromNode) && backend !== undefined && isAbout(rule, port, backend)
    })
    .map(seen)
    .filter(({ tried }) => tried > 0)
  return {
    rule,
    cross: direct.filter(({ series }) => series.toNode !== series.fromNode),
    same: direct.filter(({ series }) => series.toNode === series.fromNode),
    entries: evidence.series.filter((series) => entryNode(evidence, rule, series) !== null),
  }
}

/** The node of the source that a pair goes to: by its name, or by its node's address and one of its ports. */
function entryNode({ facts }: Evidence, { sources }: MeantForHostNetwork, series: Series): string | null {
  const source = sources.find((pod) => {
    if (series.to === podName(pod)) return true
    const ports = [...pod.hostPorts, ...pod.ports]
    const node = facts.kube.nodes.find(({ name }) => name === pod.node)
    return ports.includes(series.port) && node?.internalIp === series.address
  })
  return source?.node ?? null
}

/** Times until the first byte, or of the whole attempt; refused ones never waited for a backend. */
const timesOf = (entries: readonly Series[]): number[] =>
  entries.flatMap(({ attempts }) =>
    attempts
      .filter(([, , outcome]) => outcome === 'ok' || outcome === 'timeout')
      .map(([, durationMs, , firstByteMs]) => firstByteMs ?? durationMs),
  )

interface Modes {
  fast: LatencyMode
  slow: LatencyMode
}

/** "Fast or 5 s", with nothing in between. */
function twoModes(times: readonly number[]): Modes | null {
  const modes = latencyModes(times)
  const fast = modes.find(({ medianMs }) => medianMs < slowMs)
  const slow = modes.findLast(({ fromMs }) => fromMs >= slowMs)
  return fast && slow ? { fast, slow } : null
}

const milliseconds = (ms: number) => `${Math.round(ms)} ms`
const percent = (part: number, whole: number) => (whole === 0 ? '-' : `${Math.round((100 * part) / whole)} %`)

function nodeRows(evidence: Evidence, { rule, cross, same, entries }: Path): Detail {
  const nodes = [...new Set(rule.sources.flatMap(({ node }) => node ?? []))].sort()
  const rows = nodes.map((name) => {
    const times = timesOf(entries.filter((series) => entryNode(evidence, rule, series) === name))
    const slow = times.filter((ms) => ms >= slowMs)
    const of = (pairs: readonly SeenPair[]) => {
      const { tried, failed } = tally(pairs.filter(({ series }) => series.fromNode === name))
      return tried === 0 ? '-' : `${failed} of ${tried}`
    }
    return [
      name,
      String(rule.backends.filter(({ node }) => node === name).length),
      of(same),
      of(cross),
      String(times.length),
      percent(slow.length, times.length),
      slow.length === 0 ? '-' : milliseconds(slow.toSorted((a, b) => a - b)[Math.floor(slow.length / 2)] ?? 0),
    ]
  })
  return {
    title: 'By node of the hostNetwork pods',
    head: ['node', 'backends', 'failed to own', 'failed to others', 'requests', 'slow', 'slow ones take'],
    rows,
  }
}

function backendRows({ cross, same }: Path): Detail[] {
  const pairs = [...same, ...cross]
  if (pairs.length === 0) return []
  return [
    {
      title: 'By backend',
      head: ['from', 'backend', 'on', 'failed', 'attempts take'],
      rows: pairs.slice(0, 12).map(({ series, tried, failures }) => [
        series.fromNode,
        series.to,
        series.toNode ?? '-',
        `${failures.length} of ${tried}`,
        latencyModes(series.attempts.map(([, durationMs]) => durationMs))
          .map(({ medianMs }) => milliseconds(medianMs))
          .join(' or ') || '-',
      ]),
    },
  ]
}

/** Seed 003: a policy classifies by the source's pod, and a hostNetwork pod's packets come from its node. */
export const hostNetworkTarpit: Rule = {
  id: 'host-network-tarpit',
  title,
  judge(evidence) {
    const paths = meantForHostNetwork(evidence).map((rule) => pathOf(evidence, rule))
    const judged = paths.map((path) => judgePath(evidence, path))
    const notMeasured = paths
      .filter(({ cross, entries }) => cross.length === 0 && entries.length === 0)
      .map(({ rule }) => `what ${podName(rule.policy)} does to hostNetwork pods: no such pair was probed`)
    // With the same confidence, the rule that most attempts speak for.
    const found = judged.flatMap((one) => one ?? []).toSorted((a, b) => b.figures[0].value - a.figures[0].value)[0]
    return found === undefined ? { ...silent, notMeasured } : { diagnosis: found, notMeasured }
  },
}

function judgePath(evidence: Evidence, path: Path) {
  const { rule, cross, same, entries } = path
  const modes = twoModes(timesOf(entries))
  const [far, near] = [tally(cross), tally(same)]
  const crossFails = far.tried === 0 ? undefined : far.failed * 10 >= far.tried * 9
  if (crossFails === false || (crossFails === undefined && modes === null)) return null
  const timed = timesOf(entries).length
  const points = [
    point(
      'all pods that the selector names are on the host network',
      true,
      `${rule.sources.length}: ${rule.sources.slice(0, 4).map(podName).join(', ')}`,
    ),
    point('their nodes do not reach the backends on other nodes', crossFails, `${shareText(far)} failed`),
    point(
      'they reach the backends on their own node',
      near.tried === 0 ? undefined : near.failed * 10 <= near.tried,
      near.tried === 0 ? 'no backend runs beside one of them, or none was probed' : `${shareText(near)} failed`,
    ),
    point(
      'requests through them are fast or slow, and nothing in between',
      timed === 0 ? undefined : modes !== null,
      modes === null
        ? timed === 0
          ? 'no request through them was made'
          : `${timed} requests, one mode`
        : `${milliseconds(modes.fast.medianMs)} or ${milliseconds(modes.slow.medianMs)}, of ${timed} requests`,
    ),
  ]
  const confidence = confidenceOf(points, crossFails === true)
  if (confidence === null) return null
  const figures: Figure[] = [
    ...(cross.length > 0 ? [failureRate('attempts to backends on other nodes that failed', cross)] : []),
    ...(modes === null
      ? []
      : [
          {
            what: 'requests that are slow',
            value: Math.round(1000 * modes.slow.share.share) / 10,
            unit: '%',
            interval: [
              Math.round(1000 * modes.slow.share.interval[0]) / 10,
              Math.round(1000 * modes.slow.share.interval[1]) / 10,
            ],
          } as const,
          { what: 'a fast request takes', value: Math.round(modes.fast.medianMs), unit: 'ms' } as const,
          {
            what: 'a slow request takes',
            value: Math.round(modes.slow.medianMs),
            unit: 'ms',
            threshold: slowMs,
          } as const,
        ]),
  ]
  const [first, ...rest] = figures
  if (first === undefined) return null
  return {
    rule: 'host-network-tarpit',
    title,
    what: `The policy ${podName(rule.policy)} lets in pods by label, and all of those are on the host network. Their packets come from a node's address, so the rule never matches: a backend on the same node is reached, one on another node is not. A proxy that tries one backend after the other turns this into requests that are fast or take seconds.`,
    where: [
      `policy ${podName(rule.policy)}`,
      ...rule.sources.slice(0, 4).map((pod) => `${podName(pod)} (${pod.node ?? '-'})`),
      ...rule.backends.slice(0, 4).map((pod) => `backend ${podName(pod)} (${pod.node ?? '-'})`),
    ],
    sinceMs: null,
    confidence,
    figures: [first, ...rest] as const,
    points,
    details: [nodeRows(evidence, path), ...backendRows(path)],
    disproof: 'the same requests just as slow with the policy out of the way (fix 1)',
    advice: fixesFor(evidence.facts, rule),
    source:
      'How my NetworkPolicy turned ingress-nginx into a 5-second tarpit (field report); Cilium: pkg/k8s/watchers/pod.go, Documentation/security/policy/layer3.rst (entities), cilium#14989',
  }
}
