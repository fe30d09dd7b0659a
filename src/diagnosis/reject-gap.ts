import type { Evidence } from '../probes/evidence.ts'
import { burstsOf, summarizeBursts } from '../probes/statistics/bursts.ts'
import { type Coincidence, cronJobShares, reconcileCauses, together } from './churn-seen.ts'
import { confidenceOf, point } from './confidence.ts'
import type { Advice, Detail, Figure, Point, Rule } from './diagnosis.ts'
import { silent } from './diagnosis.ts'
import { egressTest, selecting } from './egress-test.ts'
import { failureRate, failureShare, perHour, perMinute, shareText } from './rate.ts'
import { type RejectsSeen, rejectsOf } from './rejects-seen.ts'
import {
  beganMs,
  expectedPairs,
  isAnswered,
  isAtOnce,
  isInside,
  isIntermittent,
  isPod,
  isRaw,
  isSelected,
  type SeenPair,
  selectedNodes,
  selectedPods,
  tally,
} from './seen-pairs.ts'

const title = 'kube-router refuses packets while it writes its rules'
/** Fewer may be one pod that was replaced. */
const fewestFailures = 3

/** What the six points are judged by. */
interface Seen {
  pairs: readonly SeenPair[]
  /** Those that work and fail by turns, with an end that a policy selects. */
  affected: readonly SeenPair[]
  /** Pods at those ends. */
  pods: readonly string[]
  rejects: RejectsSeen
}

function rawAddresses({ pairs }: Seen): Point {
  const raw = pairs.filter(isRaw)
  const failing = raw.filter(isIntermittent)
  return point(
    'connections to raw addresses fail, so DNS is not the cause',
    raw.length === 0 ? undefined : failing.length > 0,
    raw.length === 0 ? 'no pair by address was probed' : shareText(tally(failing.length > 0 ? failing : raw)),
  )
}

/**
 * The kernel sends six ICMP errors at once and then one a second (measured.md 12): a refusal that it is silent about is
 * answered when the SYN is sent again, or looks like a time-out. Where the counters account for those, they are refusals too.
 */
function answeredAtOnce({ affected, rejects }: Seen): Point {
  const failures = affected.flatMap((pair) => pair.failures)
  const answered = failures.filter(isAnswered).length
  const atOnce = failures.filter(isAtOnce).length
  const counted = rejects.packets >= failures.length
  const late = atOnce < answered ? '; the kernel sends one such error a second, so others are told by the next SYN' : ''
  return point(
    'failures return an error at once instead of timing out',
    answered * 2 >= failures.length || (answered > 0 && counted),
    `${shareText({ failed: answered, tried: failures.length })} with an error, ${atOnce} at once${late}`,
  )
}

function countersRise({ pods, rejects }: Seen): Point {
  const known = rejects.sampled.length > 0
  return point(
    'REJECT counters of KUBE-POD-FW chains rise',
    known ? rejects.rise || rejects.gaps > 0 || (rejects.problems.length > 0 ? undefined : false) : undefined,
    known
      ? `${rejects.packets} packets around the failures, beyond what is refused all the time; ${rejects.sampled.length} of ${pods.length} pods sampled`
      : (rejects.problems[0] ?? 'not sampled'),
  )
}

function podsSelected({ pairs, pods }: Seen, evidence: Evidence): Point {
  const failing = pairs.filter((pair) => isIntermittent(pair) && isRaw(pair) && isInside(pair))
  const failures = tally(failing).failed
  const ofSelected = tally(failing.filter(isSelected)).failed
  const policies = new Set(pods.flatMap((pod) => selecting(evidence, pod)))
  return point(
    'the affected pods are selected by a NetworkPolicy',
    ofSelected * 10 >= failures * 9,
    `${shareText({ failed: ofSelected, tried: failures })} of the failures; selected by ${policies.size} NetworkPolicies`,
  )
}

/** A node's own reconciles, where its chains were sampled; else what the API told of, which makes every node reconcile. */
function eventsOn(nodes: readonly string[], evidence: Evidence): Omit<Coincidence, 'failures'> {
  const sampled = evidence.rejects.filter(({ node, problem, samplesMs }) => {
    return nodes.includes(node) && problem === null && samplesMs.length > 1
  })
  const changes = reconcileCauses(evidence).map(({ atMs }) => atMs)
  if (sampled.length === 0) return { eventsMs: changes, seenAfterMs: 0 }
  const everyMs = sampled.map(({ samplesMs }) => (evidence.untilMs - evidence.fromMs) / samplesMs.length)
  return { eventsMs: sampled.flatMap(({ reconcilesMs }) => reconcilesMs), seenAfterMs: Math.max(...everyMs) }
}

function withChurn({ affected }: Seen, evidence: Evidence): Point {
  const claim = 'failures come with reconciles, and with pods, endpoints or policies that change'
  const watched = evidence.rejects.some(({ problem }) => problem === null) || evidence.churn.length > 0
  if (!watched) return point(claim, undefined, 'neither reconciles nor the API were watched')
  const { failures, time, holds } = together(
    affected.map((pair) => ({ failures: pair.failures, ...eventsOn(selectedNodes(pair), evidence) })),
    evidence,
  )
  const percent = (part: number) => `${Math.round(100 * part)} %`
  return point(
    claim,
    holds,
    `${percent(failures)} of the failures within seconds of one; ${percent(time)} of the time is as near to one`,
  )
}

/** The cluster's own comparison; the report's is the controlled test, and its result is not in one stretch of evidence. */
function unselectedFareBetter({ pairs, affected }: Seen): Point {
  const claim = 'without a policy at either end the failure rate is another'
  const freePairs = pairs.filter((pair) => isRaw(pair) && isInside(pair) && !isSelected(pair))
  const [free, bound] = [tally(freePairs), tally(affected)]
  if (free.tried < 20) return point(claim, undefined, 'no such pairs were probed: variant A or B below tells')
  const apart = failureShare(freePairs).interval[1] < failureShare(affected).interval[0]
  const less = free.failed * bound.tried < bound.failed * free.tried
  return point(
    claim,
    apart || (less ? undefined : false),
    `selected ${shareText(bound)}, not selected ${shareText(free)}`,
  )
}

/** How long the affected pair with the most failures was without a connection at a time. */
function burstFigures(affected: readonly SeenPair[]): Figure[] {
  const worst = affected.toSorted((a, b) => b.failures.length - a.failures.length)[0]
  const bursts = worst && summarizeBursts(burstsOf(worst.series.attempts, ([, , outcome]) => outcome !== 'ok'))
  if (!bursts) return []
  return [
    { what: 'bursts of failures, worst pair', value: bursts.bursts, unit: 'count' },
    { what: 'length of a burst, median', value: Math.round(bursts.medianMs), unit: 'ms' },
    { what: 'longest burst', value: Math.round(bursts.longestMs), unit: 'ms' },
  ]
}

function policyCounts({ facts }: Evidence): Detail {
  const counts = new Map<string, number>()
  for (const { namespace } of facts.kube.policies) counts.set(namespace, (counts.get(namespace) ?? 0) + 1)
  const rows = [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return {
    title: `${facts.kube.policies.length} NetworkPolicies by namespace`,
    head: ['namespace', 'policies'],
    rows: rows.slice(0, 8).map(([name, count]) => [name, String(count)]),
  }
}

function cronJobs(evidence: Evidence): Detail[] {
  const shares = cronJobShares(evidence)
  if (shares.length === 0) return []
  return [
    {
      title: 'CronJobs that make pods come and go',
      head: ['CronJob', 'schedule', 'pods made and removed', 'share'],
      rows: shares
        .slice(0, 8)
        .map(({ name, schedule, changes, share }) => [
          name,
          schedule ?? '-',
          String(changes),
          `${Math.round(100 * share)} %`,
        ]),
    },
  ]
}

function adviceFor(evidence: Evidence, pods: readonly string[]): Advice[] {
  const busiest = cronJobShares(evidence)
    .slice(0, 3)
    .map(({ name }) => name)
  return [
    {
      text: 'Move policy enforcement to a datapath that does not rebuild chains under traffic: this is what migrate does.',
      command: 'migrate preflight',
    },
    ...(busiest.length === 0
      ? []
      : [
          {
            text: 'Controlled test: suspend the CronJobs that churn most, compare, and have them resumed.',
            warning: 'they do not run meanwhile',
            command: `migrate diagnose --suspend-cronjobs ${busiest.join(',')} --for 5m`,
          },
        ]),
    ...egressTest(evidence, pods),
    {
      text: 'Until then: retries in what calls; long-running Deployments instead of frequent CronJobs; fewer, merged policies.',
    },
  ]
}

/** Seed 000: during a reconcile a selected pod's packets find no allow mark and fall through to the terminal REJECT. */
export const rejectGap: Rule = {
  id: 'reject-gap',
  title,
  judge(evidence) {
    const pairs = expectedPairs(evidence)
    const affected = pairs.filter((pair) => isIntermittent(pair) && isSelected(pair) && isRaw(pair) && isInside(pair))
    const rates = tally(affected)
    if (rates.failed < fewestFailures || !affected.some((pair) => pair.failures.some(isAnswered))) return silent
    const pods = podsByFailures(affected)
    const rejects = rejectsOf(evidence, affected)
    const seen: Seen = { pairs, affected, pods, rejects }
    const points = [
      rawAddresses(seen),
      answeredAtOnce(seen),
      countersRise(seen),
      podsSelected(seen, evidence),
      withChurn(seen, evidence),
      unselectedFareBetter(seen),
    ]
    const [, , counters, selection] = points
    // Failures that no counter shows, or that spare no pod, are not kube-router's.
    if (counters?.holds === 'false' || selection?.holds === 'false') return { ...silent, notMeasured: rejects.problems }
    const confidence = confidenceOf(points, rejects.rise || rejects.gaps > 0)
    if (confidence === null) return { ...silent, notMeasured: rejects.problems }
    const watchedMs = evidence.untilMs - evidence.fromMs
    const reconciles = evidence.rejects.reduce((sum, one) => Math.max(sum, one.reconcilesMs.length), 0)
    const figures: [Figure, ...Figure[]] = [
      failureRate('attempts of the affected pairs that failed', affected),
      ...burstFigures(affected),
      { what: 'packets refused to the affected pods', value: rejects.packets, unit: 'packets' },
      perMinute('reconciles on the busiest node', reconciles, watchedMs),
      perHour('changes that make kube-router reconcile', reconcileCauses(evidence).length, watchedMs),
      { what: 'NetworkPolicies', value: evidence.facts.kube.policies.length, unit: 'count' },
      ...(rejects.gaps > 0
        ? [{ what: 'samples in which a chain in use could allow nothing', value: rejects.gaps, unit: 'count' } as const]
        : []),
    ]
    return {
      diagnosis: {
        rule: 'reject-gap',
        title,
        what: "During a reconcile a selected pod's packets find its policy chains missing or empty, get no allow mark, and fall through to the terminal REJECT of its KUBE-POD-FW chain. New connections fail at once, in bursts, to any target; established ones go on.",
        where: [...pods.slice(0, 8), ...new Set(affected.map(({ series }) => `node ${series.fromNode}`))],
        sinceMs: beganMs(affected, evidence),
        confidence,
        figures,
        points,
        details: [policyCounts(evidence), ...cronJobs(evidence)],
        disproof:
          'failures while the REJECT counters of the pod stand still, or the same rate of failures for pods that no policy selects',
        advice: adviceFor(evidence, pods),
        source: 'K3s kube-router NetworkPolicy REJECT gaps (field report, K3s v1.34.4); kube-router#873, k3s#7244',
      },
      notMeasured: rejects.problems,
    }
  },
}

/** The selected ends of failing pairs; the one with the most failures first. */
function podsByFailures(pairs: readonly SeenPair[]): string[] {
  const counts = new Map<string, number>()
  for (const pair of pairs)
    for (const pod of selectedPods(pair).filter(isPod)) counts.set(pod, (counts.get(pod) ?? 0) + pair.failures.length)
  return [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([pod]) => pod)
}
