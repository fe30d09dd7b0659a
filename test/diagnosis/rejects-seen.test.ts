import { expect, test } from 'vitest'
import { rejectsOf } from '../../src/diagnosis/rejects-seen.ts'
import { seen } from '../../src/diagnosis/seen-pairs.ts'
import type { Evidence } from '../../src/probes/evidence.ts'
import { fromMs, healthy, inBursts, pod, refused, samples, series } from './support/evidence.ts'

/** One pod on s1, failing for 2 s in 20; its counter by second. */
function evidenceWith(packets: (second: number) => number, more: Partial<Evidence> = {}): Evidence {
  const evidence = healthy()
  evidence.facts.kube.pods.push(pod('a', 'x', 's1'))
  const increments = Array.from({ length: 60 }, (_, second): [number, number] => [
    fromMs + second * 1000 + 400,
    packets(second),
  ])
  evidence.rejects = [samples('s1', { rejects: [{ namespace: 'a', pod: 'x', increments }] })]
  return { ...evidence, ...more }
}
const failing = (everyMs = 20_000, lengthMs = 2_000) => [
  seen(
    series({ from: 'a/x', fromNode: 's1', to: 'b/y', toNode: 's2' }, inBursts(everyMs, lengthMs), {
      fromSelected: true,
    }),
  ),
]
const inBurst = (second: number) => second % 20 < 2

test('packets around the failures, beyond what the pod has refused all the time', () => {
  const { packets, rise } = rejectsOf(
    evidenceWith((second) => (inBurst(second) ? 10 : 1)),
    failing(),
  )
  // Six seconds of bursts with ten packets; about two hours' worth of background is not in them.
  expect(packets).toBeGreaterThanOrEqual(50)
  expect(packets).toBeLessThanOrEqual(60)
  expect(rise).toBe(true)
})

test('a steady trickle is background, however much it is', () => {
  for (const each of [0, 1, 40])
    expect(
      rejectsOf(
        evidenceWith(() => each),
        failing(),
      ),
    ).toMatchObject({ rise: false })
})

test('two packets are no rise, three are', () => {
  const total = (count: number) => evidenceWith((second) => (second < count ? 1 : 0))
  expect(rejectsOf(total(2), failing()).rise).toBe(false)
  expect(rejectsOf(total(3), failing(20_000, 4_000)).rise).toBe(true)
})

test('failing all the time: what the probing itself had refused is not counted', () => {
  const evidence = evidenceWith(() => 2)
  const denied = series({ from: 'a/x', fromNode: 's1', to: 'b/z', toNode: 's2' }, refused, { allowed: false })
  evidence.series.push(denied)
  expect(rejectsOf(evidence, failing(20_000, 19_500)).rise).toBe(false)
})

test('a node that was not sampled, or not twice, tells nothing; why is said', () => {
  const evidence = evidenceWith(() => 5)
  expect(rejectsOf({ ...evidence, rejects: [] }, failing())).toMatchObject({
    sampled: [],
    problems: ['REJECT counters of a/x: its node was not sampled'],
  })
  const once = evidence.rejects.map((one) => ({ ...one, samplesMs: [fromMs] }))
  expect(rejectsOf({ ...evidence, rejects: once }, failing()).sampled).toEqual([])
})

test('a chain seen without anything that allows is the gap itself', () => {
  const evidence = evidenceWith(() => 0)
  const [first] = evidence.rejects
  first?.gaps.push({ atMs: fromMs, namespace: 'a', pod: 'x', what: 'policy-chain-empty' })
  first?.gaps.push({ atMs: fromMs, namespace: 'a', pod: 'other', what: 'policy-chain-empty' })
  expect(rejectsOf(evidence, failing()).gaps).toBe(1)
})
