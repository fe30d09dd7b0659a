import { expect, test } from 'vitest'
import type { PlannedStep } from '../../src/engine/model.ts'
import type { StepInfo } from '../../src/engine/operator.ts'
import { type Choice, guidedOperator, unattendedOperator } from '../../src/report/prompts.ts'
import { planFixture } from './plan-fixture.ts'

function stepOf(id: string): PlannedStep {
  const step = planFixture.steps.find(({ stepId }) => stepId === id)
  if (step === undefined) throw new Error(`no step ${id} in the fixture`)
  return step
}

function infoOf(step: PlannedStep, canSkip = true): StepInfo {
  const tasks = step.tasks.map(({ target }) => ({ target, status: 'pending' as const }))
  return {
    position: planFixture.steps.indexOf(step) + 1,
    total: planFixture.steps.length,
    remaining: [],
    canSkip,
    tasks,
  }
}

/** An operator whose answers are given beforehand; keeps what was shown and offered. */
function scripted(answers: (string | null)[]) {
  const log: string[] = []
  const offered: string[][] = []
  const named: string[][] = []
  const operator = guidedOperator({
    ask: {
      async select<T extends string>(_message: string, choices: readonly Choice<T>[]): Promise<T | null> {
        offered.push(choices.map(({ value }) => value))
        named.push(choices.map(({ name }) => name))
        const answer = answers.shift() ?? null
        if (answer === null) return null
        const choice = choices.find(({ value }) => value === answer)
        if (choice === undefined) throw new Error(`${answer} was not offered`)
        return choice.value
      },
    },
    write: (text) => log.push(text),
    renderer: {
      pause: async () => void log.push('<pause>'),
      resume: async () => void log.push('<resume>'),
    },
    plan: planFixture,
    text: { colour: false, width: 120 },
  })
  return { operator, log, offered, named }
}

test('a step is told with what, why, where, risk, way back, outage; then asked, the display at rest', async () => {
  const { operator, log } = scripted(['go'])
  const step = stepOf('stop-servers')
  expect(await operator.confirm(step, infoOf(step))).toBe('go')
  expect(log[0]).toBe('<pause>')
  expect(log.at(-1)).toBe('<resume>')
  expect(log[1]).toBe(`
Step 4 of 8: Stop K3s on the servers, one after the other, the lifeboat last
  why     flannel-backend is compared when a server joins, so all servers must change together.
  risk    The Kubernetes API is away until the servers are started again. Pods go on running and talking.
  undone  K3s is started on all servers inside one window
  outage  control plane: 40 s
  etcd up 0 of 3
  s1, s2, s3: stop k3s.service
`)
})

test('the diff is shown in full, as often as wanted, and then asked again', async () => {
  const { operator, log } = scripted(['diff', 'diff', 'stop'])
  const step = stepOf('purge-kube-router')
  expect(await operator.confirm(step, infoOf(step))).toBe('stop')
  const shown = log.filter((text) => text.includes('-:KUBE-POD-FW-'))
  expect(shown).toHaveLength(2)
  expect(shown[0]?.match(/^ {6}--A KUBE-POD-FW-/gm)).toHaveLength(300)
})

test('skipping is offered only where it is safe, and says why', async () => {
  const { operator, offered } = scripted(['skip', 'go', 'go'])
  const safe = stepOf('recreate-pods')
  expect(await operator.confirm(safe, infoOf(safe))).toBe('skip')
  await operator.confirm(safe, infoOf(safe, false))
  const unsafe = stepOf('stop-agents')
  await operator.confirm(unsafe, infoOf(unsafe))
  expect(offered).toEqual([
    ['go', 'diff', 'skip', 'stop', 'rollback'],
    ['go', 'diff', 'stop', 'rollback'],
    ['go', 'diff', 'stop', 'rollback'],
  ])
})

test('the point of no return is told, and agreed to in words', async () => {
  const { operator, log, named } = scripted(['go'])
  const step = { ...stepOf('stop-agents'), pointOfNoReturn: 'it takes a restart' }
  expect(await operator.confirm(step, infoOf(stepOf('stop-agents')))).toBe('go')
  expect(log[1]).toMatch(/^ {2}return {2}it takes a restart$/m)
  expect(named).toEqual([expect.arrayContaining(['Yes, past the point of no return'])])
})

test('Ctrl-C at a question stops, it does not go on; the display is given back', async () => {
  const { operator, log } = scripted([null, null])
  const step = stepOf('stop-agents')
  expect(await operator.confirm(step, infoOf(step))).toBe('stop')
  expect(await operator.drift(step, 'a1', [{ path: '$.unit', before: 'k3s', now: 'k3s-\u001b[2J' }])).toBe('stop')
  expect(log.join('')).toContain('$.unit: "k3s" -> "k3s-\\u001b[2J"')
  expect(log.filter((text) => text === '<resume>')).toHaveLength(2)
})

test('unattended: every step, but never over something that is not as planned', async () => {
  const step = stepOf('stop-agents')
  expect(await unattendedOperator.confirm(step, infoOf(step))).toBe('go')
  expect(await unattendedOperator.drift(step, 'a1', [])).toBe('stop')
})
