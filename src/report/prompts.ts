import type { Plan, PlannedStep, Target } from '../engine/model.ts'
import type { Moved, Operator, StepAnswer, StepInfo } from '../engine/operator.ts'
import { visible } from '../visible.ts'
import { movedText } from './event-text.ts'
import { stepText, type TextOptions } from './plan-text.ts'
import type { Renderer } from './renderer.ts'

export interface Choice<T extends string> {
  value: T
  name: string
}

/** Asks the person at the terminal; a fake in tests. */
export interface Ask {
  /** null: the person left by Ctrl-C. */
  select<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T | null>
}

/** The operator at the terminal: sees what each step does, why, where, at what risk, and decides. */
export function guidedOperator(options: {
  ask: Ask
  write: (text: string) => void
  renderer: Pick<Renderer, 'pause' | 'resume'>
  plan: Plan
  text: Omit<TextOptions, 'maxDiffLines'>
}): Operator {
  const { ask, write, renderer, plan, text } = options
  const paused = async <T>(question: () => Promise<T>): Promise<T> => {
    await renderer.pause()
    try {
      return await question()
    } finally {
      await renderer.resume()
    }
  }
  return {
    confirm: (step, info) => paused(() => askStep(step, info)),
    drift: (step, target, moved) => paused(() => askDrift(step, target, moved)),
  }

  async function askStep(step: PlannedStep, info: StepInfo): Promise<StepAnswer> {
    write(`\n${stepQuestion(plan, step, info, text).join('\n')}\n`)
    for (;;) {
      const answer = await ask.select(`${visible(step.stepId)}: shall this be done?`, stepChoices(step, info))
      if (answer !== 'diff') return answer ?? 'stop'
      write(`\n${stepText(plan, step, { ...text, maxDiffLines: Number.POSITIVE_INFINITY }).join('\n')}\n\n`)
    }
  }

  async function askDrift(step: PlannedStep, target: Target, moved: readonly Moved[]): Promise<'accept' | 'stop'> {
    const lines = [`${visible(target)} is not as it was when the plan was made (step ${visible(step.stepId)}):`]
    write(`\n${[...lines, ...moved.map((one) => `  ${movedText(one)}`)].join('\n')}\n`)
    const answer = await ask.select('What now?', [
      { value: 'stop', name: 'Stop here: look at the node, then resume, or plan anew' },
      { value: 'accept', name: 'Go on: make the change as it has to be now' },
    ])
    return answer ?? 'stop'
  }
}

/** What a step is, in the words of the one who has to answer for it. */
function stepQuestion(
  plan: Plan,
  step: PlannedStep,
  info: StepInfo,
  text: Omit<TextOptions, 'maxDiffLines'>,
): string[] {
  const summaries = {
    ...step,
    tasks: step.tasks.map((task) => ({ ...task, rendering: { summary: task.rendering.summary } })),
  }
  const [, ...about] = stepText(plan, summaries, { ...text, maxDiffLines: 0 })
  const begun = info.tasks.filter(({ status }) => status !== 'pending')
  return [
    `Step ${info.position} of ${info.total}: ${visible(step.title)}`,
    ...about,
    ...begun.map(({ target, status }) => `  ${visible(target)} is ${status} from before`),
  ]
}

function stepChoices(step: PlannedStep, info: StepInfo): Choice<StepAnswer | 'diff'>[] {
  const skip = { value: 'skip' as const, name: `Skip it (safe: ${visible(step.skippable ?? '')})` }
  return [
    { value: 'go', name: step.pointOfNoReturn === undefined ? 'Yes, do it' : 'Yes, past the point of no return' },
    { value: 'diff', name: 'Show every change in full' },
    ...(info.canSkip && step.skippable !== undefined ? [skip] : []),
    { value: 'stop', name: 'Stop here; `migrate resume` carries on' },
    { value: 'rollback', name: 'Roll back everything done so far' },
  ]
}

/** `--yes`: every step is done as planned, and anything that is not as planned stops the run. */
export const unattendedOperator: Operator = {
  confirm: async () => 'go',
  drift: async () => 'stop',
}
