import { Command } from 'commander'
import { exitCodes } from '../errors.ts'
import { isBlocked } from '../report/plan-summary.ts'
import { preflightJson } from '../report/preflight-json.ts'
import { preflightText } from '../report/preflight-text.ts'
import { printedJson } from '../visible.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'
import { type RunbookFlags, withRunbookOptions } from './runbook-options.ts'

export function preflightCommand(): Command {
  return withRunbookOptions(withCommonOptions(new Command('preflight')))
    .description('read-only checks: what blocks, what warns, what is fine')
    .action(async (flags: RunbookFlags, command: Command) => {
      const options = commonOptions(command)
      const { json, terminal } = options
      const inventory = inventoryOf(options, true)
      const { askedFor, planFrom } = await import('./planning.ts')
      const { readFacts } = await import('./session.ts')
      const facts = await readFacts(inventory, terminal, askedFor(inventory, flags))
      const { findings } = planFrom(facts, inventory, flags)
      if (json) process.stdout.write(printedJson(preflightJson(inventory.cluster.name, findings)))
      else process.stdout.write(`${preflightText(findings, terminal).join('\n')}\n`)
      if (isBlocked(findings)) process.exitCode = exitCodes.blocked
    })
}
