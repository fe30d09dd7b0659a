import fc from 'fast-check'
import { expect } from 'vitest'
import { failureOf, failureText } from '../../src/cli/failure.ts'
import { diagnose } from '../../src/diagnosis/diagnose.ts'
import type { EngineEvent } from '../../src/engine/events.ts'
import { FailedError } from '../../src/errors.ts'
import { baselineJson } from '../../src/report/baseline-json.ts'
import { diagnosisText } from '../../src/report/diagnosis-text.ts'
import { evidenceText } from '../../src/report/evidence-text.ts'
import { reportPage } from '../../src/report/html/page.ts'
import type { ReportData } from '../../src/report/html/report-data.ts'
import { jsonRenderer } from '../../src/report/json-renderer.ts'
import { plainRenderer } from '../../src/report/plain-renderer.ts'
import { planMarkdown } from '../../src/report/plan-markdown.ts'
import { planText } from '../../src/report/plan-text.ts'
import { preflightText } from '../../src/report/preflight-text.ts'
import { causes } from '../diagnosis/support/causes.ts'
import { healthy } from '../diagnosis/support/evidence.ts'
import { measuredRun } from '../report/html/report-fixture.ts'
import { planFixture } from '../report/plan-fixture.ts'
import { hostile } from './support/cases.ts'
import { hostileText } from './support/hostile-text.ts'
import { poisoned } from './support/mutations.ts'
import { expectPrintable } from './support/oracle.ts'

const options = { colour: false, width: 100 }
const findings = (['blocks', 'warns', 'unknown', 'fine'] as const).map((level) => ({
  level,
  title: 'a',
  target: 's1',
  detail: 'b',
  fix: 'c',
}))

const task = { stepId: planFixture.steps[0]?.stepId ?? '', target: 's1' }
const story: EngineEvent[] = [
  { kind: 'run-started', runId: 'r1', plan: planFixture, resumed: true },
  { kind: 'lock-taken', places: ['a', 'b'], unasked: ['c'], tookOver: true },
  { kind: 'journal-mended', line: 1, asideName: 'torn' },
  { kind: 'task-started', ...task, taskId: 't', summary: 's', timeoutMs: 1 },
  { kind: 'task-said', ...task, message: 'm' },
  { kind: 'task-in-doubt', ...task },
  { kind: 'drift', ...task, moved: [{ path: '$.a', before: 'x', now: { y: 'z' } }] },
  { kind: 'gate-waiting', stepId: task.stepId, remainingMs: 1, findings },
  { kind: 'gate-passed', stepId: task.stepId, findings },
  { kind: 'task-failed', ...task, error: 'e', inDoubt: true },
  { kind: 'recorded', stepId: task.stepId, name: 'n', file: 'f' },
  { kind: 'rollback-started', runId: 'r1', to: 'x', steps: [{ stepId: 'x', targets: ['s1'] }] },
  { kind: 'undo-started', ...task, taskId: 't', how: 'h', timeoutMs: 1 },
  { kind: 'undo-failed', ...task, error: 'e', inDoubt: false },
  { kind: 'rollback-finished', to: 'x' },
  { kind: 'stopped', reason: 'r' },
]

function rendered(list: readonly EngineEvent[]): string {
  let text = ''
  for (const renderer of [
    plainRenderer((part) => (text += part), Date.now),
    jsonRenderer((part) => (text += part), Date.now),
  ]) {
    for (const event of list) renderer.handle(event)
  }
  return text
}

const plans = poisoned(planFixture)

/** Evidence, hostile where pods, nodes and the operator are named. */
const evidences = fc.constantFrom(healthy, ...Object.values(causes)).chain((make) => {
  const { cluster, notMeasured, churn, podNetworks, series } = make()
  const names = series.map(({ from, to }) => ({ from, to }))
  const groups = podNetworks.map(({ multicastGroups }) => multicastGroups)
  return poisoned({ cluster, notMeasured, churn, groups, names }).map((parts) => ({
    ...make(),
    ...{ cluster: parts.cluster, notMeasured: parts.notMeasured, churn: parts.churn },
    podNetworks: podNetworks.map((one, at) => ({ ...one, multicastGroups: parts.groups[at] ?? [] })),
    series: series.map((one, at) => ({ ...one, ...parts.names[at] })),
  }))
})

const { runId, runDir, toolVersion } = measuredRun

/** The report, in which no text has become markup. */
function page(data: ReportData): string {
  const text = reportPage(data)
  expect(text).not.toContain('<script')
  return text
}

/** A page takes as long as fifty of the other texts. */
const pages = fc.oneof(
  plans.map((plan) => () => page({ ...measuredRun, plan })),
  poisoned({ runId, runDir, toolVersion }).map((data) => () => page({ ...measuredRun, ...data })),
)
const texts = fc.oneof(
  plans.map((plan) => () => planText(plan, { ...options, maxDiffLines: 24 })),
  plans.map((plan) => () => planMarkdown(plan)),
  poisoned(findings).map((list) => () => preflightText(list, options).join('\n')),
  poisoned(story).map((list) => () => rendered(list)),
  evidences.map(
    (evidence) => () =>
      [
        ...diagnosisText(diagnose(evidence), options),
        ...evidenceText(evidence, 100),
        baselineJson({ file: 'f', endedEarly: false, evidence }),
      ].join('\n'),
  ),
  fc.tuple(hostileText, hostileText).map(
    ([a, b]) =>
      () =>
        failureText(failureOf(new FailedError(a, { host: b, step: a, command: b, next: a }))),
  ),
)

const everything = fc.oneof({ weight: 1, arbitrary: pages }, { weight: 15, arbitrary: texts })

hostile('printed: everything', everything, (print) => {
  expectPrintable(print())
})
