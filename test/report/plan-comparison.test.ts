import { expect, test } from 'vitest'
import type { Plan, PlannedStep } from '../../src/engine/model.ts'
import { comparisonText, outlineOf } from '../../src/report/plan-comparison.ts'
import { planFixture } from './plan-fixture.ts'

const step = (stepId: string, more: Partial<PlannedStep> = {}): PlannedStep => ({
  phaseId: 'p',
  phaseTitle: 'P',
  stepId,
  title: stepId,
  why: '',
  kind: 'change',
  undo: { how: 'back' },
  tasks: [{ target: 's1', change: {}, fingerprint: {}, rendering: { summary: '' } }],
  ...more,
})

const plan = (steps: PlannedStep[]): Plan => ({
  ...planFixture,
  runbook: 'way',
  params: { order: 'staged' },
  findings: [],
  steps,
})

test('what stands open is told from where to where, and for how long; steps that do nothing take no time', () => {
  const { open, estimatedMs } = outlineOf(
    plan([
      step('begin', { takesMs: 1_000 }),
      step('purge', { exposure: 'all of it', takesMs: 4_000 }),
      step('move', { takesMs: 10_000 }),
      step('so-already', { takesMs: 60_000, tasks: [] }),
      step('close', { exposure: 'nothing', takesMs: 6_000 }),
      step('end', { takesMs: 30_000 }),
    ]),
  )
  expect(open).toEqual([{ from: 'purge', to: 'close', what: 'all of it', lastsMs: 20_000 }])
  expect(estimatedMs).toBe(51_000)
})

test('ways stand side by side: outage, way back, blockers, and how each is asked for', () => {
  const one = plan([step('stop', { outage: { what: 'the API', expectedMs: 60_000 } })])
  const other: Plan = {
    ...plan([step('turn', { pointOfNoReturn: 'it takes a restart' }), step('burn', { undo: { impossible: 'gone' } })]),
    runbook: 'other',
    params: {},
    findings: [{ level: 'blocks', title: 'a member is down', detail: 's1' }],
  }
  const lines = comparisonText([one, other], { colour: false, width: 120 }).split('\n')
  const row = (name: string) => lines.find((line) => line.startsWith(name)) ?? ''
  expect(lines[0]).toMatch(/^ +way staged +other$/)
  expect(row('expected outage')).toMatch(/the API: 1 min +none/)
  expect(row('way back')).toMatch(/from every step +none from burn on/)
  expect(row('in the way')).toMatch(/nothing +1 findings: migrate preflight/)
  expect(row('asked for by')).toMatch(/--runbook way --order staged +--runbook other/)
  expect(comparisonText([{ ...other, steps: other.steps.slice(0, 1) }], { colour: false, width: 120 })).toMatch(
    /way back +from every step\n +from turn on, it takes a restart\n/,
  )
})

test('what a plan is called cannot write to the terminal', () => {
  expect(comparisonText([{ ...planFixture, runbook: 'a\u001b[2Jb' }], { colour: false, width: 120 })).not.toContain(
    '\u001b',
  )
})
