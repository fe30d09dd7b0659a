import { Command, Option } from 'commander'
import type { Json, Plan } from '../engine/model.ts'
import { writePlanFile } from '../engine/plan-file.ts'
import { exitCodes, InputError } from '../errors.ts'
import { comparisonText, outlineOf } from '../report/plan-comparison.ts'
import { planMarkdown } from '../report/plan-markdown.ts'
import { isBlocked } from '../report/plan-summary.ts'
import { planText } from '../report/plan-text.ts'
import { printedJson } from '../visible.ts'
import { writeAsked } from './asked-file.ts'
import { loadFacts, saveFacts } from './facts-file.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'
import { type RunbookFlags, waysToMove, withRunbookOptions } from './runbook-options.ts'
import type { Terminal } from './terminal.ts'

interface PlanFlags extends RunbookFlags {
  output?: string
  facts?: string
  saveFacts?: string
  format: Format
  compare?: true
}
type Format = 'text' | 'markdown' | 'json'

/** On a screen a diff longer than this is cut; a pipe or file gets all of it. */
const screenDiffLines = 24

export function planCommand(): Command {
  return withRunbookOptions(withCommonOptions(new Command('plan')))
    .description('dry run: every change on every node, as true diffs; changes nothing')
    .option('--compare', 'print the ways of moving this cluster side by side, instead of one plan')
    .option('-o, --output <file>', 'keep the plan in a file, for `migrate run FILE`')
    .option('--facts <file>', 'plan from facts that were saved before, without the cluster')
    .option('--save-facts <file>', 'keep the facts that the plan was made from')
    .addOption(
      new Option('--format <format>', 'how it is printed').choices(['text', 'markdown', 'json']).default('text'),
    )
    .action(async (flags: PlanFlags, command: Command) => {
      const options = commonOptions(command)
      const { json, terminal } = options
      if (flags.compare === true) refuseChoices(command)
      if (flags.facts !== undefined && flags.saveFacts !== undefined) {
        throw new InputError('--facts and --save-facts together; expected one of them', {
          next: 'Copy the file, if a copy is what you want.',
        })
      }
      const inventory = inventoryOf(options, flags.facts === undefined)
      const saved = flags.facts === undefined ? null : await loadFacts(flags.facts, inventory)
      const { askedFor, planFrom } = await import('./planning.ts')
      const facts =
        saved ?? (await (await import('./session.ts')).readFacts(inventory, terminal, askedFor(inventory, flags)))
      const { saveFacts: factsFile, output } = flags
      if (factsFile !== undefined) await writeAsked(factsFile, () => saveFacts(factsFile, facts))
      if (flags.compare === true) {
        const plans = waysToMove.map((way) => planFrom(facts, inventory, way))
        process.stdout.write(json ? printedJson(plans.map(outlineOf), 2) : comparisonText(plans, terminal))
        return
      }
      const plan = planFrom(facts, inventory, flags)

      process.stdout.write(print(plan, json ? 'json' : flags.format, terminal))
      if (output !== undefined) {
        await writeAsked(output, () => writePlanFile(output, { plan, facts: facts as Json }))
        process.stderr.write(`The plan is in ${output}. To carry it out: migrate run ${output}\n`)
      }
      if (isBlocked(plan.findings)) process.exitCode = exitCodes.blocked
    })
}

/** Options that choose one plan, or what becomes of it. */
const choices = ['output', 'format', 'runbook', 'order', 'policies', 'to']

function refuseChoices(command: Command): void {
  const given = choices.filter((name) => command.getOptionValueSource(name) === 'cli').map((name) => `--${name}`)
  if (given.length === 0) return
  throw new InputError(`--compare shows every way to move, and ${given.join(', ')} is of one`, {
    next: 'Compare first; then plan the way that you have chosen.',
  })
}

function print(plan: Plan, format: Format, terminal: Terminal): string {
  if (format === 'json') return printedJson(plan, 2)
  if (format === 'markdown') return planMarkdown(plan)
  const maxDiffLines = process.stdout.isTTY ? screenDiffLines : Number.POSITIVE_INFINITY
  return planText(plan, { ...terminal, maxDiffLines })
}
