import { Command, CommanderError } from 'commander'
import { exitCodes } from '../errors.ts'
import { baselineCommand } from './baseline.ts'
import { diagnoseCommand } from './diagnose.ts'
import { failureJson, failureOf, failureText } from './failure.ts'
import { withCommonOptions } from './options.ts'
import { planCommand } from './plan.ts'
import { preflightCommand } from './preflight.ts'
import { reportCommand } from './report.ts'
import { resumeCommand } from './resume.ts'
import { rollbackCommand } from './rollback.ts'
import { runCommand } from './run.ts'
import { statusCommand } from './status.ts'
import { verifyCommand } from './verify.ts'
import { toolVersion } from './version.ts'

async function program(args: readonly string[]): Promise<Command> {
  const root = withCommonOptions(new Command('migrate'))
    .description(
      'Moves a running K3s cluster from flannel and kube-router to Cilium, over SSH, with a plan and a way back.',
    )
    .version(toolVersion())
    .enablePositionalOptions()
    .showHelpAfterError('(migrate --help says what there is)')
    .addHelpText(
      'after',
      '\nExit: 0 done, 1 failed, 2 the call or an input is wrong, 3 blocked by pre-flight or drift,\n4 stopped at a checkpoint (migrate resume), 5 verified, and worse than before.',
    )
    .exitOverride()
  const commands = [
    preflightCommand(),
    diagnoseCommand(),
    baselineCommand(),
    planCommand(),
    runCommand(),
    resumeCommand(),
    rollbackCommand(),
    verifyCommand(),
    statusCommand(),
    reportCommand(),
  ]
  // The lab is much code that nobody needs who migrates a cluster.
  if (args.includes('lab') || args.includes('--help') || args.includes('-h') || args.length === 0) {
    const { labCommand } = await import('./lab.ts')
    commands.push(labCommand())
  }
  for (const command of commands) root.addCommand(inherit(command))
  return root
}

/** Errors of the call are thrown, never exited on, by subcommands of any depth too. */
function inherit(command: Command): Command {
  command.exitOverride()
  for (const child of command.commands) inherit(child)
  return command
}

/** What stands behind "--" is another program's (migrate lab exec -- ...). */
function isJson(args: readonly string[]): boolean {
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  return own.includes('--json')
}

/** One call of the command line; its exit code. Whatever goes wrong is told here and nowhere else. */
export async function migrate(args: readonly string[]): Promise<number> {
  try {
    await (await program(args)).parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? exitCodes.done)
  } catch (error) {
    // Commander has already said what is wrong with the call, or shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.input
    const failure = failureOf(error)
    if (isJson(args)) process.stdout.write(failureJson(failure))
    process.stderr.write(failureText(failure))
    return failure.exitCode
  }
}
