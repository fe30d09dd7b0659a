import { describeCommand } from './describe.ts'
import { CommandFailed, OutcomeUnknown } from './errors.ts'
import type { Command, Node, Outcome } from './node.ts'
import { maskKnownPatterns } from './redactor.ts'

export interface Output {
  stdout: string
  stderr: string
}

/**
 * Runs a command that has to end with 0.
 * @throws CommandFailed, OutcomeUnknown
 */
export async function mustRun(node: Node, command: Command): Promise<Output> {
  const outcome = await node.run(command)
  if (outcome.kind === 'exited' && outcome.code === 0) return { stdout: outcome.stdout, stderr: outcome.stderr }
  throw outcomeError(node.name, command, outcome)
}

/** The error for an outcome that is not a success. */
export function outcomeError(
  host: string,
  command: Pick<Command, 'argv' | 'stdin'>,
  outcome: Outcome,
): CommandFailed | OutcomeUnknown {
  const shown = describeCommand(command)
  const context = { host, command: shown }
  if (outcome.kind === 'unknown')
    return new OutcomeUnknown(`${host}: it is not known how this ended: ${shown}: ${outcome.reason}`, context)
  const how = outcome.kind === 'exited' ? `exit code ${outcome.code}` : `ended by ${outcome.signal}`
  const said = tail(maskKnownPatterns(outcome.stderr.trim() || outcome.stdout.trim()))
  const code = outcome.kind === 'exited' ? outcome.code : null
  return new CommandFailed(`${host}: ${shown}: ${how}${said === '' ? '' : `: ${said}`}`, code, outcome.stderr, context)
}

/** The last lines, where programs say what went wrong. */
function tail(text: string): string {
  const lines = text.split('\n').slice(-5).join('\n')
  return lines.length > 600 ? `...${lines.slice(-600)}` : lines
}

/**
 * A script that is shipped on stdin, with arguments as arguments ($1...). The group makes the shell read all of it before
 * it runs any of it, so that a connection cut half-way through the text runs nothing; and keeps commands off the script.
 */
export function script(
  name: string,
  text: string,
  args: readonly string[],
  shell: 'sh' | 'bash' = 'sh',
): Pick<Command, 'argv' | 'stdin'> {
  return { argv: [shell, '-s', '--', ...args], stdin: `# ${name}\n{\n${text}\nexit\n} </dev/null\n` }
}

/** A script whose stdin is data. The text stands in argv, so it must be a constant. */
export function scriptWithInput(
  name: string,
  text: string,
  args: readonly string[],
  input: string | Uint8Array,
): Pick<Command, 'argv' | 'stdin'> {
  return { argv: ['sh', '-c', `${text}\n`, name, ...args], stdin: input }
}
