import { Command, Option } from 'commander'
import { diagnose } from '../diagnosis/diagnose.ts'
import type { Inventory } from '../inventory/schema.ts'
import { readBaseline } from '../probes/baselines.ts'
import type { Evidence } from '../probes/evidence.ts'
import { diagnosisJson } from '../report/diagnosis-json.ts'
import { diagnosisText } from '../report/diagnosis-text.ts'
import { duration } from '../report/duration.ts'
import { type GatherFlags, gatherOptions } from './gather-options.ts'
import { type CommonOptions, commonOptions, inventoryOf, withCommonOptions } from './options.ts'

interface DiagnoseFlags extends GatherFlags {
  /** A file that `migrate baseline` wrote. */
  baseline?: string
}

export function diagnoseCommand(): Command {
  const command = withCommonOptions(new Command('diagnose'))
    .description('does this cluster have the problem, and which one: watches it for a while; changes nothing')
    .addOption(new Option('--baseline <file>', 'judge what migrate baseline recorded, without asking the cluster'))
    .action(async (flags: DiagnoseFlags, self: Command) => {
      const options = commonOptions(self)
      const inventory = inventoryOf(options, flags.baseline === undefined)
      const evidence = await evidenceFor(inventory, options, flags)
      const found = diagnose(evidence)
      if (options.json) {
        process.stdout.write(diagnosisJson(evidence, found))
        return
      }
      const watched = `Watched for ${duration(evidence.untilMs - evidence.fromMs)}, from ${new Date(evidence.fromMs).toISOString()}.`
      process.stdout.write(`${[watched, '', ...diagnosisText(found, options.terminal)].join('\n')}\n`)
    })
  for (const option of gatherOptions(60_000, '60s')) command.addOption(option)
  return command
}

async function evidenceFor(inventory: Inventory, options: CommonOptions, flags: DiagnoseFlags): Promise<Evidence> {
  if (flags.baseline !== undefined) return readBaseline(flags.baseline, { cluster: inventory.cluster.name })
  const { gatherShown } = await import('./gathering.ts')
  return (await gatherShown(inventory, options, flags)).evidence
}
