import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diagnose, rules } from '../../src/diagnosis/diagnose.ts'
import { confidences, diagnosisSchema } from '../../src/diagnosis/diagnosis.ts'
import { evidenceSchema } from '../../src/probes/evidence.ts'
import { causes, healthyOnCilium } from './support/causes.ts'
import { attempts, healthy, refused, works } from './support/evidence.ts'

const named = (ids: readonly { rule: string }[]) => ids.map(({ rule }) => rule)

test('evidence made by hand is evidence', () => {
  for (const evidence of [healthy(), healthyOnCilium(), ...Object.values(causes).map((make) => make())])
    evidenceSchema.parse(evidence)
})

test('every rule has a cause in the matrix', () => {
  expect(rules.map(({ id }) => id).toSorted()).toEqual(Object.keys(causes).toSorted())
})

test('nothing is named on a healthy cluster, whichever CNI it has', () => {
  expect(diagnose(healthy())).toEqual({ diagnoses: [], notMeasured: [] })
  expect(diagnose(healthyOnCilium())).toEqual({ diagnoses: [], notMeasured: [] })
})

describe.each(Object.entries(causes))('on a cluster with %s', (cause, make) => {
  test('it is named first, and nothing else is as likely', () => {
    const { diagnoses } = diagnose(make())
    const [first, ...others] = diagnoses
    expect(first?.rule).toBe(cause)
    const rank = (one: (typeof diagnoses)[number] | undefined) => (one ? confidences.indexOf(one.confidence) : -1)
    for (const other of others) expect(rank(other), named([other]).join()).toBeGreaterThan(rank(first))
  })

  test('the rules of the other causes are silent', () => {
    expect(named(diagnose(make()).diagnoses)).toEqual([cause])
  })

  test('what is said has its form, figures and points that hold', () => {
    const [first] = diagnose(make()).diagnoses
    expect(diagnosisSchema.parse(first)).toEqual(first)
    expect(first?.points.some(({ holds }) => holds === 'true')).toBe(true)
    expect(first?.figures.every(({ value }) => Number.isFinite(value))).toBe(true)
  })
})

test('two causes at once are both named', () => {
  const evidence = causes['rule-conflict']?.() ?? healthy()
  const gap = causes['reject-gap']?.() ?? healthy()
  const { diagnoses } = diagnose({ ...gap, signals: evidence.signals })
  expect(named(diagnoses).toSorted()).toEqual(['reject-gap', 'rule-conflict'])
})

test('what the gathering could not measure is said, each once', () => {
  const evidence = { ...healthy(), notMeasured: ['pods of s3: no answer', 'pods of s3: no answer'] }
  expect(diagnose(evidence).notMeasured).toEqual(['pods of s3: no answer'])
})

test('nothing is named on any healthy evidence: denied pairs fail as they like, a few attempts are lost here and there', () => {
  const outcome = fc.constantFrom('refused', 'timeout', 'unreachable', 'reset', 'ok')
  fc.assert(
    fc.property(
      fc.array(outcome, { minLength: 120, maxLength: 120 }),
      fc.array(fc.nat(119), { maxLength: 2 }),
      fc.array(fc.nat(200), { minLength: 60, maxLength: 60 }),
      fc.array(fc.nat(59_000), { maxLength: 40 }),
      (denied, lost, refusals, reconciles) => {
        const evidence = healthy()
        for (const series of evidence.series) {
          series.attempts =
            series.allowed === false
              ? attempts((_, index) => [1, denied[index] ?? 'refused'])
              : attempts((after, index) => (lost.includes(index) ? [1_000, 'timeout'] : works(after, index)))
        }
        for (const samples of evidence.rejects) {
          samples.reconcilesMs = reconciles.map((after) => evidence.fromMs + after)
          for (const one of samples.rejects)
            one.increments = refusals.map((packets, second) => [evidence.fromMs + second * 1000, packets])
        }
        expect(named(diagnose(evidence).diagnoses)).toEqual([])
      },
    ),
  )
})

test('a pair that never works is nobody listening, not one of these', () => {
  const evidence = healthy()
  for (const series of evidence.series.filter(({ to }) => to === 'shop/web')) series.attempts = attempts(refused)
  expect(diagnose(evidence).diagnoses).toEqual([])
})
