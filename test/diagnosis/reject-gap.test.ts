import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Diagnosis } from '../../src/diagnosis/diagnosis.ts'
import { rejectGap } from '../../src/diagnosis/reject-gap.ts'
import { policySpecSchema } from '../../src/facts/policies.ts'
import type { Evidence } from '../../src/probes/evidence.ts'
import { policyVerdict } from '../../src/probes/policy-verdict.ts'
import { rejectGap as gapEvidence } from './support/causes.ts'
import { attempts, inBursts, series, works } from './support/evidence.ts'

function found(evidence: Evidence): Diagnosis {
  const { diagnosis } = rejectGap.judge(evidence)
  if (diagnosis === null) throw new Error('not named')
  return diagnosis
}
const affected = (evidence: Evidence) =>
  evidence.series.filter(({ from, allowed }) => from === 'automation/homeassistant' && allowed !== false)
const holds = ({ points }: Diagnosis) => points.map((point) => point.holds)

describe('the six points', () => {
  test('each with its figure', () => {
    const { points, confidence, where } = found(gapEvidence())
    expect(confidence).toBe('certain')
    expect(points.map(({ holds: one }) => one)).toEqual(Array(6).fill('true'))
    expect(points[0]?.figure).toBe('72 of 240 (30 %)')
    expect(points[1]?.figure).toBe('72 of 72 (100 %) with an error, 72 at once')
    expect(points[3]?.figure).toMatch(/^72 of 72 \(100 %\) of the failures; selected by 1 /)
    expect(points[5]?.figure).toBe('selected 72 of 240 (30 %), not selected 0 of 480 (0 %)')
    expect(where).toEqual(['automation/homeassistant', 'node s1'])
  })

  test('counters that were not sampled are unknown, and then it is not certain', () => {
    const evidence = gapEvidence()
    for (const samples of evidence.rejects) samples.problem = 'no iptables'
    const { diagnosis, notMeasured } = rejectGap.judge(evidence)
    expect(diagnosis && holds(diagnosis)[2]).toBe('unknown')
    expect(diagnosis?.confidence).toBe('likely')
    expect(notMeasured).toEqual(['REJECT counters of automation/homeassistant: no iptables'])
  })

  test('without anything watched that could come with it, the correlation is unknown', () => {
    const evidence = { ...gapEvidence(), churn: [], rejects: [] }
    expect(holds(found(evidence))[4]).toBe('unknown')
  })

  test('with everything selected there is nothing to compare with', () => {
    const evidence = gapEvidence()
    evidence.series = evidence.series.filter(({ fromSelected, toSelected }) => fromSelected || toSelected)
    expect(holds(found(evidence))[5]).toBe('unknown')
  })

  test('refusals that look like time-outs count where the counters show them', () => {
    const evidence = gapEvidence()
    const mixed = attempts((after, index) =>
      after % 7_000 >= 2_000 ? [2, 'ok'] : index % 14 === 0 ? [1, 'refused'] : [1_000, 'timeout'],
    )
    for (const one of affected(evidence)) one.attempts = mixed
    expect(found(evidence).points[1]).toMatchObject({ holds: 'true', figure: expect.stringContaining('at once') })
  })
})

test('a refusal that is told by the next SYN, a second later, is one as well', () => {
  const evidence = gapEvidence()
  for (const one of affected(evidence))
    one.attempts = attempts((after) => (after % 7_000 < 2_000 ? [1_010, 'refused'] : [2, 'ok']))
  expect(found(evidence).points[1]).toMatchObject({ holds: 'true', figure: expect.stringContaining('72 of 72') })
})

test('a server of the API that is away takes nothing from it: that is not of pods', () => {
  const evidence = gapEvidence()
  const to = { to: 'service:default/kubernetes', toNode: null }
  for (const from of ['vms/other', 'edge/probe-s1'])
    evidence.series.push(series({ from, fromNode: 's1', ...to }, inBursts(60_000, 30_000), { sort: 'api', port: 443 }))
  expect(found(evidence).confidence).toBe('certain')
})

describe('it is not named', () => {
  test('when the same is refused all the time, failures or not', () => {
    const evidence = gapEvidence()
    for (const { rejects } of evidence.rejects)
      for (const one of rejects) one.increments = one.increments.map(([at]) => [at, 6])
    expect(rejectGap.judge(evidence).diagnosis).toBeNull()
  })

  test('when nothing is refused at once', () => {
    const evidence = gapEvidence()
    for (const one of affected(evidence)) one.attempts = attempts(inBursts(7_000, 2_000, 'timeout'))
    expect(rejectGap.judge(evidence).diagnosis).toBeNull()
  })

  test('when pods that no policy selects fail as well', () => {
    const evidence = gapEvidence()
    evidence.series.push(
      series({ from: 'edge/probe-s1', fromNode: 's1', to: 'vms/other', toNode: 's1' }, inBursts(7_000, 2_000)),
    )
    expect(rejectGap.judge(evidence).diagnosis).toBeNull()
  })

  test.each([
    [2, null],
    [3, 'reject-gap'],
  ])('with %i failures: %s', (count, rule) => {
    const evidence = gapEvidence()
    const [first, second] = affected(evidence)
    if (first) first.attempts = attempts((after, index) => (index < count ? [1, 'refused'] : works(after, index)))
    if (second) second.attempts = attempts(works)
    expect(rejectGap.judge(evidence).diagnosis?.rule ?? null).toBe(rule)
  })
})

test('figures: rate with its interval, bursts, reconciles, policies', () => {
  const { figures } = found(gapEvidence())
  const of = (what: string) => figures.find((figure) => figure.what.startsWith(what))
  expect(of('attempts of the affected')).toMatchObject({ value: 30, unit: '%' })
  const [low = 0, high = 100] = of('attempts of the affected')?.interval ?? []
  expect(low).toBeLessThan(30)
  expect(high).toBeGreaterThan(30)
  expect(of('bursts')).toMatchObject({ value: 9 })
  expect(of('longest burst')).toMatchObject({ value: 2_000 })
  expect(of('reconciles')).toMatchObject({ value: 9, unit: '/min' })
})

test('namespaces by their policies, CronJobs by their share of the churn; the test that suspends those is offered', () => {
  const { details, advice } = found(gapEvidence())
  expect(details?.[0]?.rows[0]).toEqual(['web', '71'])
  expect(details?.[1]?.rows.map(([name, , changes, share]) => [name, changes, share])).toEqual([
    ['infra/home-ip-updater', '12', '55 %'],
    ['monitoring/cloudfront-to-loki', '6', '27 %'],
    ['monitoring/agilepoker-to-loki', '4', '18 %'],
  ])
  expect(advice.flatMap(({ command }) => command ?? [])).toContain(
    'migrate diagnose --suspend-cronjobs infra/home-ip-updater,monitoring/cloudfront-to-loki,monitoring/agilepoker-to-loki --for 5m',
  )
})

test('variant B lets the pod send anywhere and changes nothing else; variant A gives back the policy as it was', () => {
  const evidence = gapEvidence()
  const { kube } = evidence.facts
  const manifests = found(evidence).advice.flatMap(({ manifest }) => (manifest === undefined ? [] : [parse(manifest)]))
  const [b, a] = manifests.map(({ metadata, spec }) => ({
    namespace: metadata.namespace as string,
    name: metadata.name as string,
    spec: policySpecSchema.parse(spec),
  }))
  if (!a || !b) throw new Error('no manifests')
  const podOf = (name: string) => {
    const pod = kube.pods.find((one) => one.name === name)
    if (!pod) throw new Error(name)
    return { kind: 'pod' as const, pod }
  }
  const flow = (from: string, to: string) => ({
    from: podOf(from),
    to: podOf(to),
    port: 8080,
    protocol: 'TCP' as const,
  })
  const outward = flow('homeassistant', 'probe-s2')
  const inward = flow('probe-s2', 'homeassistant')
  const judge = (policies: typeof kube.policies, one: typeof outward) =>
    policyVerdict({ ...kube, policies }, one).allowed
  expect([judge(kube.policies, outward), judge(kube.policies, inward)]).toEqual([false, false])
  const withB = [...kube.policies, b]
  expect([judge(withB, outward), judge(withB, inward)]).toEqual([true, false])
  expect(a).toEqual(kube.policies.find(({ name }) => name === 'homeassistant'))
})
