import type { Evidence, RejectSamples } from '../probes/evidence.ts'
import { deniedPairs, type SeenPair, selectedPods } from './seen-pairs.ts'
import { joined, lengthMs, touches } from './spans.ts'

/** An attempt is a little later in the kernel than on the prober's clock, and a sample tells of the second before it. */
const beforeMs = 500
const afterMs = 1_500

/** What kube-router's counters say of the pods at the selected ends of failing pairs. */
export interface RejectsSeen {
  pods: readonly string[]
  /** Pods whose node was sampled: for the others nothing is known. */
  sampled: readonly string[]
  /** Packets refused around the failures, beyond what the same pods have refused all the time. */
  packets: number
  /** Whether those are more than chance makes of that background. */
  rise: boolean
  /** Samples in which a pod's chain was in use and nothing in it could allow anything. */
  gaps: number
  /** Why some could not be sampled. */
  problems: readonly string[]
}

/**
 * A policy that does its work refuses packets as well: those that the probing sends to see that it does, and those of the
 * pods themselves. They come all the time, so what is refused while nothing that should work fails is taken as background.
 * @param failing pairs that should work
 */
export function rejectsOf(evidence: Evidence, failing: readonly SeenPair[]): RejectsSeen {
  const nodeOf = new Map(evidence.facts.kube.pods.map(({ namespace, name, node }) => [`${namespace}/${name}`, node]))
  const pods = [...new Set(failing.flatMap(selectedPods))]
  const found: (Excess & { pod: string; gaps: number })[] = []
  const problems: string[] = []
  for (const pod of pods) {
    const samples = evidence.rejects.find(({ node }) => node === nodeOf.get(pod))
    if (samples === undefined || samples.problem !== null || samples.samplesMs.length < 2) {
      problems.push(`REJECT counters of ${pod}: ${samples?.problem ?? 'its node was not sampled'}`)
      continue
    }
    const own = failing.filter((pair) => selectedPods(pair).includes(pod))
    const gaps = samples.gaps.filter((one) => isOf(one, pod)).length
    found.push({ pod, gaps, ...excessOf(evidence, samples, pod, own) })
  }
  const packets = found.reduce((sum, one) => sum + one.packets, 0)
  const expected = found.reduce((sum, one) => sum + one.expected, 0)
  return {
    pods,
    sampled: found.map(({ pod }) => pod),
    packets: Math.max(0, Math.round(packets)),
    // Counts vary as their square root: three times that is chance once in a thousand.
    rise: packets >= Math.max(3, 3 * Math.sqrt(expected)),
    gaps: found.reduce((sum, one) => sum + one.gaps, 0),
    problems,
  }
}

const isOf = (one: { namespace: string; pod: string }, pod: string) => `${one.namespace}/${one.pod}` === pod

interface Excess {
  packets: number
  expected: number
}

function excessOf(evidence: Evidence, samples: RejectSamples, pod: string, failing: readonly SeenPair[]): Excess {
  const { fromMs, untilMs } = evidence
  const everyMs = (untilMs - fromMs) / samples.samplesMs.length
  const spans = failing
    .flatMap(({ failures }) => failures)
    .map(({ atMs, durationMs }) => [atMs - beforeMs, atMs + durationMs + Math.max(afterMs, everyMs)] as const)
  const near = joined(spans, evidence)
  const increments = samples.rejects.filter((one) => isOf(one, pod)).flatMap((one) => one.increments)
  const total = increments.reduce((sum, [, packets]) => sum + packets, 0)
  const counted = increments.filter(([at]) => touches(near, at)).reduce((sum, [, packets]) => sum + packets, 0)
  const farMs = untilMs - fromMs - lengthMs(near)
  const background =
    farMs * 10 >= untilMs - fromMs
      ? (total - counted) / farMs
      : // Failing nearly all the time: then only what the probing itself had refused is known, one packet an attempt.
        ownRefusals(evidence, pod) / (untilMs - fromMs)
  const expected = background * lengthMs(near)
  return { packets: counted - expected, expected }
}

const ownRefusals = (evidence: Evidence, pod: string): number =>
  deniedPairs(evidence)
    .filter(({ series }) => series.from === pod || series.to === pod)
    .reduce((sum, { failures }) => sum + failures.length, 0)
