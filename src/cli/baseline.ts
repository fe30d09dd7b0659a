import { Command } from 'commander'
import { FailedError } from '../errors.ts'
import { openBaselines } from '../probes/baselines.ts'
import { baselineJson } from '../report/baseline-json.ts'
import { duration } from '../report/duration.ts'
import { evidenceText } from '../report/evidence-text.ts'
import { type GatherFlags, gatherOptions } from './gather-options.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'

export function baselineCommand(): Command {
  const command = withCommonOptions(new Command('baseline'))
    .description('record connectivity and rejects for a while, to compare with later; changes nothing')
    .action(async (flags: GatherFlags, self: Command) => {
      const options = commonOptions(self)
      const inventory = inventoryOf(options, true)
      const { gatherShown } = await import('./gathering.ts')
      const { evidence, early } = await gatherShown(inventory, options, flags)
      const { noteLeftByTests } = await import('./session.ts')
      noteLeftByTests(evidence.facts)
      if (evidence.series.every(({ attempts }) => attempts.length === 0)) {
        throw new FailedError('not one connection was tried, so there is nothing to keep', {
          next: early ? 'Let it run for longer before Ctrl-C.' : evidence.notMeasured.join('; '),
        })
      }
      const path = await openBaselines(inventory.stateDir, inventory.cluster.name).save(evidence, 'baseline')
      if (options.json) {
        process.stdout.write(baselineJson({ file: path, endedEarly: early, evidence }))
        return
      }
      const kept = early
        ? `Ended early: ${duration(evidence.untilMs - evidence.fromMs)} of ${duration(flags.duration)} are kept in ${path}`
        : `Kept in ${path}`
      process.stdout.write(`${[...evidenceText(evidence, options.terminal.width), '', kept].join('\n')}\n`)
    })
  for (const option of gatherOptions(600_000, '10m')) command.addOption(option)
  return command
}
