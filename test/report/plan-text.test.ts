import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { planMarkdown } from '../../src/report/plan-markdown.ts'
import { planText } from '../../src/report/plan-text.ts'
import { planFixture } from './plan-fixture.ts'

const screen = { colour: false, width: 120, maxDiffLines: 16 }

describe('the plan as text', () => {
  test('on a screen: long diffs are cut, saying by how much', async () => {
    await expect(planText(planFixture, screen)).toMatchFileSnapshot('golden/plan.txt')
  })

  test('in a file nothing is cut', () => {
    const text = planText(planFixture, { ...screen, maxDiffLines: Number.POSITIVE_INFINITY })
    expect(text.match(/^ {6}--A KUBE-POD-FW-/gm)).toHaveLength(300)
    expect(text).not.toContain('more lines')
  })

  test('no line is wider than the screen, but for a line of a file', () => {
    const lines = planText(planFixture, { ...screen, width: 100 }).split('\n')
    expect(lines.filter((line) => line.length > 100 && !line.includes('no way back'))).toEqual([])
  })

  test('what stands open and the point of no return stand at the top and at their step', () => {
    const steps = planFixture.steps.map((step) =>
      step.stepId === 'purge-kube-router'
        ? { ...step, exposure: 'every pod', pointOfNoReturn: 'it takes a restart' }
        : step,
    )
    const text = planText({ ...planFixture, steps }, screen)
    expect(text).toMatch(/^ *open +from purge-kube-router on: every pod$/m)
    expect(text).toMatch(/^ *no return +from purge-kube-router on: it takes a restart$/m)
    expect(text).toMatch(/^ {2}open {4}every pod\n {2}return {2}it takes a restart$/m)
  })

  test('colours change nothing but the colours', () => {
    const coloured = planText(planFixture, { ...screen, colour: true })
    expect(coloured).not.toBe(planText(planFixture, screen))
    expect(stripVTControlCharacters(coloured)).toBe(planText(planFixture, screen))
  })

  test('what a node sent cannot drive the terminal', () => {
    const hostile = '\u001b[2J\u009b31m\u202e\u0007\r'
    const plan = JSON.parse(JSON.stringify(planFixture).replaceAll('kube-router', JSON.stringify(hostile).slice(1, -1)))
    const text = planText(plan, screen) + planMarkdown(plan)
    expect(text).toContain('\\x1b[2J')
    expect([...text].filter((c) => c !== '\n' && /[\p{Cc}\p{Cf}]/u.test(c))).toEqual([])
  })

  test('a digest that is none drives no terminal', () => {
    expect(planText({ ...planFixture, inventoryDigest: '\u001b[2J' }, screen)).toContain('inventory \\x1b[2J')
  })

  test('an empty plan says that nothing is to be done', () => {
    const text = planText({ ...planFixture, steps: [] }, screen)
    expect(text).toContain('Nothing to do')
    expect(text).not.toContain('Changes\n')
    expect(planMarkdown({ ...planFixture, steps: [] })).toContain('Nothing to do')
  })
})

describe('the plan as Markdown', () => {
  test('for a change board', async () => {
    await expect(planMarkdown(planFixture)).toMatchFileSnapshot('golden/plan.md')
  })

  test('a file that holds a fence cannot end the code block', () => {
    const [step] = planFixture.steps.filter(({ stepId }) => stepId === 'set-flags')
    if (step === undefined) throw new Error('fixture')
    const [task] = step.tasks
    if (task === undefined) throw new Error('fixture')
    const diffs = [{ subject: '/x', before: null, after: '```\n# not a heading\n````\n' }]
    const plan = { ...planFixture, steps: [{ ...step, tasks: [{ ...task, rendering: { summary: 'x', diffs } }] }] }
    expect(planMarkdown(plan)).toContain('`````diff\n')
  })
})
