import type { Evidence, PodNetwork } from '../probes/evidence.ts'
import { confidenceOf, point } from './confidence.ts'
import type { Advice, Detail, Diagnosis, Point, Rule } from './diagnosis.ts'
import { silent } from './diagnosis.ts'
import { selecting } from './egress-test.ts'
import { manifestOf } from './policy-manifest.ts'
import { failureRate, shareText } from './rate.ts'
import { rejectsOf } from './rejects-seen.ts'
import {
  beganMs,
  expectedPairs,
  isInside,
  isIntermittent,
  isPod,
  isRaw,
  isSelected,
  type SeenPair,
  tally,
} from './seen-pairs.ts'

const title = 'one pod fails where others on its node do not: something in its own network namespace'
const fewestFailures = 3
/** Seed 004: from there on new connections may be dropped for want of room. */
const conntrackFull = 0.75

/** A pod whose connections fail by turns, and what else was tried from where it runs. */
interface Suspect {
  pod: string
  node: string
  /** From the pod. */
  own: readonly SeenPair[]
  /** From other pods of the node, to the same targets where there are such pairs. */
  others: readonly SeenPair[]
  sameTargets: boolean
  fromNode: readonly SeenPair[]
  network: PodNetwork | undefined
}

const target = ({ series }: SeenPair) => `${series.to}:${series.port}`

/** What is outside fails in ways of its own: that tells something only where another pod of the node tries the same. */
function comparable(pairs: readonly SeenPair[]): SeenPair[] {
  const sources = Map.groupBy(pairs, (pair) => `${pair.series.fromNode} ${target(pair)}`)
  const others = (pair: SeenPair) =>
    sources.get(`${pair.series.fromNode} ${target(pair)}`)?.some(({ series }) => series.from !== pair.series.from)
  return pairs.filter((pair) => isInside(pair) || others(pair))
}

function suspects(evidence: Evidence): Suspect[] {
  const raw = comparable(expectedPairs(evidence).filter(isRaw))
  const sources = [...new Set(raw.map(({ series }) => series.from))].filter(isPod)
  return sources.flatMap((pod) => {
    const own = raw.filter(({ series }) => series.from === pod)
    const node = own[0]?.series.fromNode
    if (node === undefined || tally(own.filter(isIntermittent)).failed < fewestFailures) return []
    const failing = new Set(own.filter(isIntermittent).map(target))
    const neighbours = raw.filter(({ series }) => series.fromNode === node && isPod(series.from) && series.from !== pod)
    const alike = neighbours.filter((pair) => failing.has(target(pair)))
    return {
      pod,
      node,
      own,
      others: alike.length > 0 ? alike : neighbours,
      sameTargets: alike.length > 0,
      fromNode: raw.filter(({ series }) => series.from === `node:${node}`),
      network: evidence.podNetworks.find((one) => `${one.namespace}/${one.pod}` === pod),
    }
  })
}

/** Fails at most a tenth as often: a pod that came up meanwhile may have missed a few. */
const fareBetter = (others: readonly SeenPair[], own: readonly SeenPair[]): boolean | undefined => {
  const [theirs, its] = [tally(others), tally(own)]
  if (theirs.tried < 10) return undefined
  return theirs.failed * its.tried * 10 <= its.failed * theirs.tried
}

function policyOut({ pod, own }: Suspect, evidence: Evidence): Point {
  const claim = 'no NetworkPolicy refuses them'
  const failing = own.filter(isIntermittent)
  const failures = tally(failing).failed
  const bound = tally(failing.filter(isSelected)).failed
  if (bound === 0) return point(claim, true, `none of the ${failures} failures is of a pair that a policy selects`)
  const rejects = rejectsOf(evidence, failing)
  if (rejects.sampled.length === 0) return point(claim, undefined, rejects.problems[0] ?? 'counters not sampled')
  return point(
    claim,
    !rejects.rise && rejects.gaps === 0,
    `${rejects.packets} packets refused beyond the usual while ${failures} attempts failed; ${selecting(evidence, pod).length} policies select the pod`,
  )
}

function rulesOut({ network }: Suspect): Point {
  const claim = 'no netfilter tables in the namespace'
  if (network === undefined) return point(claim, undefined, 'the namespace was not looked at')
  const { netfilterTables } = network
  return point(claim, netfilterTables.length === 0, netfilterTables.length === 0 ? 'none' : netfilterTables.join(', '))
}

function conntrackOut({ node }: Suspect, { signals }: Evidence): Point {
  const conntrack = signals[node]?.conntrack ?? null
  const claim = 'conntrack has room'
  if (conntrack === null) return point(claim, undefined, `not read on ${node}`)
  return point(claim, conntrack.count < conntrackFull * conntrack.max, `${conntrack.count} of ${conntrack.max}`)
}

function routesOut({ network }: Suspect): Point {
  const claim = 'the kernel finds a unicast route every time'
  const asked = network?.routes.reduce((sum, route) => sum + route.asked, 0) ?? 0
  if (network === undefined || asked === 0) return point(claim, undefined, 'no route was asked for')
  const unicast = network.routes.reduce((sum, route) => sum + route.unicast, 0)
  return point(claim, unicast === asked, `${unicast} of ${asked} look-ups`)
}

function neighboursOut({ network }: Suspect): Point {
  const claim = 'neighbours answer (ARP)'
  if (network === undefined) return point(claim, undefined, 'the namespace was not looked at')
  const failed = network.neighbours.filter(({ state }) => /FAILED|INCOMPLETE/.test(state))
  const states = [...new Set(network.neighbours.map(({ state }) => state))]
  return point(claim, failed.length === 0, states.length === 0 ? 'none needed' : states.join(', '))
}

function differences({ network, pod }: Suspect, { podNetworks }: Evidence): Detail[] {
  if (network === undefined) return []
  const shown = [network, ...podNetworks.filter((one) => one.node === network.node && one !== network).slice(0, 2)]
  const row = (what: string, of: (one: PodNetwork) => string) => [what, ...shown.map(of)]
  const list = (texts: readonly string[]) => texts.slice(0, 8).join(' ') || 'none'
  return [
    {
      title: `What is different about ${pod}`,
      head: ['', ...shown.map((one) => `${one.namespace}/${one.pod}`)],
      rows: [
        row('TCP sockets (listening)', ({ sockets }) => `${sockets.tcp} (${sockets.tcpListening})`),
        row('UDP sockets', ({ sockets }) => String(sockets.udp)),
        row('TIME_WAIT', ({ sockets }) => String(sockets.timeWait)),
        row('multicast groups', (one) => list(one.multicastGroups)),
        row('policy routing rules', (one) => list(one.foreignRules)),
      ],
    },
  ]
}

/** Tries what fails, as often as it was tried, and says what failed when: `kubectl logs` is then the comparison. */
const tryTargets = `while :; do
  for target in "$@"; do
    nc -z -w 2 "\${target%:*}" "\${target##*:}" ||
      echo "$(date +%T) $target"
  done
  sleep 0.5
done`

const freshPod = 'migrate-netdebug'

/**
 * The report's own proof, a fresh namespace beside, is not made here: it would need a link on the node's bridge and an address
 * out of its range, and diagnose changes nothing on a node.
 */
const freshNotMeasured = ({ node }: Suspect): string =>
  `the same targets from a fresh network namespace on ${node}, because that needs an interface and an address there, and diagnose changes no node: the pod ${freshPod} below does it`

function adviceFor({ pod, node, own }: Suspect): Advice[] {
  const [namespace = 'default'] = pod.split('/')
  const targets = own.filter(isIntermittent).map(({ series: { address, port } }) => `${address}:${port}`)
  return [
    {
      text: `Prove it with a fresh namespace on the same node: this pod tries what fails from ${pod}, and tells what fails from its own. It is all well while ${pod} fails: the cause is in that pod. It fails too: it is the node or the targets. Take it away: kubectl -n ${namespace} delete pod ${freshPod}`,
      command: `kubectl -n ${namespace} logs -f ${freshPod}`,
      manifest: manifestOf({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: freshPod, namespace },
        spec: {
          nodeName: node,
          restartPolicy: 'Never',
          activeDeadlineSeconds: 3600,
          containers: [
            {
              name: 'netdebug',
              image: 'busybox:1.37',
              command: ['sh', '-c', tryTargets, 'try-targets', ...new Set(targets)],
            },
          ],
        },
      }),
    },
    {
      text: `Restart ${pod} and watch it again: if it begins well and degrades, what its process does is the cause. Switch off its multicast discovery (mDNS, SSDP) and helpers one by one.`,
    },
    {
      text: 'hostNetwork: true with dnsPolicy: ClusterFirstWithHostNet takes the pod out of its namespace.',
      warning:
        'its ports bind on the node, and NetworkPolicy no longer knows the pod, under kube-router and Cilium alike',
    },
    { text: 'A move to Cilium gives the pod another namespace and the same process: it is no cure for this.' },
  ]
}

function judgeOne(suspect: Suspect, evidence: Evidence): Diagnosis | null {
  const { pod, node, own, others, fromNode, sameTargets, network } = suspect
  const failing = own.filter(isIntermittent)
  const targets = new Set(failing.map(target))
  const policy = policyOut(suspect, evidence)
  const neighboursFare = fareBetter(others, failing)
  // Without another pod that fares better nothing says that it is this one; with one target, or few of many, it is the target.
  const fromEnd = targets.size > 1 && failing.length * 3 >= own.length * 2
  if (neighboursFare !== true || policy.holds === 'false' || !fromEnd) return null
  const points: Point[] = [
    point(
      'connections from this pod fail, and not to one target alone',
      true,
      [shareText(tally(failing)), `${targets.size} targets`].join(', '),
    ),
    point(
      sameTargets ? 'another pod of the node reaches the same targets' : 'other pods of the node reach theirs',
      neighboursFare,
      `${shareText(tally(others))} failed`,
    ),
    point('the node itself reaches its targets', fareBetter(fromNode, failing), `${shareText(tally(fromNode))} failed`),
    policy,
    rulesOut(suspect),
    conntrackOut(suspect, evidence),
    routesOut(suspect),
    neighboursOut(suspect),
  ]
  const shown = confidenceOf(points, network !== undefined)
  if (shown === null) return null
  // With policy not ruled out, a reject gap looks the same.
  const confidence = policy.holds === 'unknown' ? 'possible' : shown
  return {
    rule: 'process-specific',
    title,
    what: `Connections from ${pod} fail by turns while others on ${node} come through. Policy, rules, conntrack, routes and ARP are ruled out below one by one; what is left is inside the pod's network namespace, which all of its processes share.`,
    where: [pod, `node ${node}`],
    sinceMs: beganMs(failing, evidence),
    confidence,
    figures: [
      failureRate(`attempts from ${pod} that failed`, failing),
      failureRate('attempts from other pods of the node that failed', others),
      ...(network === undefined
        ? []
        : [
            { what: 'multicast groups of the pod', value: network.multicastGroups.length, unit: 'count' } as const,
            {
              what: 'policy routing rules of somebody in it',
              value: network.foreignRules.length,
              unit: 'count',
            } as const,
          ]),
    ],
    points,
    details: differences(suspect, evidence),
    disproof: 'a fresh pod on the same node that fails to the same targets at the same time',
    advice: adviceFor(suspect),
    source: 'Home Assistant networking: root cause analysis (field report, 2026-02-15)',
  }
}

/** Seed 001: what a process does in its pod's network namespace breaks connections for all of the namespace. */
export const processSpecific: Rule = {
  id: 'process-specific',
  title,
  judge(evidence) {
    const found = suspects(evidence)
    const missing = found.filter(({ network }) => network === undefined).map(({ pod }) => pod)
    const judged = found.flatMap((suspect) => {
      const diagnosis = judgeOne(suspect, evidence)
      return diagnosis === null ? [] : [{ suspect, diagnosis }]
    })
    const worst = judged.toSorted((a, b) => b.diagnosis.figures[0].value - a.diagnosis.figures[0].value)[0]
    if (worst === undefined) return silent
    return {
      diagnosis: worst.diagnosis,
      notMeasured: [...missing.map((pod) => `the network namespace of ${pod}`), freshNotMeasured(worst.suspect)],
    }
  },
}
