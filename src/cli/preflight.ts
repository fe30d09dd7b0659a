import { Command } from 'commander'
import { exitCodes } from '../errors.ts'
import { isBlocked } from '../report/plan-summary.ts'
import { findingsText } from '../report/plan-text.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'
import { type OrderFlag, orderOption } from './order.ts'

export function preflightCommand(): Command {
  return withCommonOptions(new Command('preflight'))
    .description('read-only checks: what blocks, what warns, what is fine')
    .addOption(orderOption())
    .action(async ({ order }: OrderFlag, command: Command) => {
      const options = commonOptions(command)
      const { json, terminal } = options
      const inventory = inventoryOf(options, true)
      const { planFrom } = await import('./planning.ts')
      const { readFacts } = await import('./session.ts')
      const { findings } = planFrom(await readFacts(inventory, terminal), inventory, { order })
      if (json) process.stdout.write(`${JSON.stringify({ kind: 'preflight', findings })}\n`)
      else {
        const lines = findingsText(findings, terminal)
        process.stdout.write(
          `${lines.length === 0 ? 'Nothing to check: the cluster is already as the runbook wants it.' : lines.join('\n')}\n`,
        )
      }
      if (isBlocked(findings)) process.exitCode = exitCodes.blocked
    })
}
