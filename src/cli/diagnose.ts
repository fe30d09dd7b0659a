import { Command, Option } from 'commander'
import { diagnose } from '../diagnosis/diagnose.ts'
import { InputError } from '../errors.ts'
import type { Inventory } from '../inventory/schema.ts'
import { readBaseline } from '../probes/baselines.ts'
import type { Evidence } from '../probes/evidence.ts'
import { diagnosisJson } from '../report/diagnosis-json.ts'
import { diagnosisText } from '../report/diagnosis-text.ts'
import { duration } from '../report/duration.ts'
import { type ControlledTestFlags, controlledTestOptions } from './controlled-test-options.ts'
import { gatherOptions } from './gather-options.ts'
import { type CommonOptions, commonOptions, inventoryOf, withCommonOptions } from './options.ts'

interface DiagnoseFlags extends ControlledTestFlags {
  /** A file that `migrate baseline` wrote. */
  baseline?: string
}

export function diagnoseCommand(): Command {
  const command = withCommonOptions(new Command('diagnose'))
    .description('does this cluster have the problem, and which one: watches it for a while')
    .addOption(new Option('--baseline <file>', 'judge what migrate baseline recorded, without asking the cluster'))
    .action(async (flags: DiagnoseFlags, self: Command) => {
      const options = commonOptions(self)
      refuseMixed(flags)
      const inventory = inventoryOf(options, flags.baseline === undefined)
      if (flags.restore || flags.suspendCronjobs) {
        const { restore, testShown } = await import('./controlled-test.ts')
        if (flags.suspendCronjobs) await testShown(inventory, options, flags, flags.suspendCronjobs)
        else await restore(inventory, options)
        return
      }
      const evidence = await evidenceFor(inventory, options, flags)
      const found = diagnose(evidence)
      if (options.json) {
        process.stdout.write(diagnosisJson(evidence, found))
        return
      }
      const watched = `Watched for ${duration(evidence.untilMs - evidence.fromMs)}, from ${new Date(evidence.fromMs).toISOString()}.`
      process.stdout.write(`${[watched, '', ...diagnosisText(found, options.terminal)].join('\n')}\n`)
    })
  for (const option of [...gatherOptions(60_000, '60s'), ...controlledTestOptions()]) command.addOption(option)
  return command
}

function refuseMixed({ baseline, suspendCronjobs, restore }: DiagnoseFlags): void {
  const given = [
    ...(baseline === undefined ? [] : ['--baseline']),
    ...(suspendCronjobs === undefined ? [] : ['--suspend-cronjobs']),
    ...(restore === undefined ? [] : ['--restore']),
  ]
  if (given.length > 1) throw new InputError(`${given.join(' and ')} cannot be given together`)
}

async function evidenceFor(inventory: Inventory, options: CommonOptions, flags: DiagnoseFlags): Promise<Evidence> {
  if (flags.baseline !== undefined) return readBaseline(flags.baseline, { cluster: inventory.cluster.name })
  const { gatherShown } = await import('./gathering.ts')
  const { evidence } = await gatherShown(inventory, options, flags)
  const { noteLeftByTests } = await import('./session.ts')
  noteLeftByTests(evidence.facts)
  return evidence
}
