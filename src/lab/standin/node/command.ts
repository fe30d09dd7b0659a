import { spawn } from 'node:child_process'

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

export interface CommandOptions {
  stdin?: string
  env?: Record<string, string>
}

/** Runs a program of the node (`ip`, `iptables-restore`, a CNI plugin) and says how it ended, whatever the end. */
export function attempt(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const [program = '', ...args] = argv
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'pipe', env: options.env ?? process.env })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }))
    child.on('close', (code) =>
      resolve({
        code: code ?? 128,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    )
    // A program may end without reading its input: its exit says what happened, EPIPE does not.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.stdin ?? '')
  })
}

/** As `attempt`, but anything except exit 0 is an error that carries what the program said. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const outcome = await attempt(argv, options)
  if (outcome.code !== 0) {
    throw new Error(`${argv.join(' ')}: ${outcome.stderr.trim() || outcome.stdout.trim() || `exit ${outcome.code}`}`)
  }
  return outcome.stdout
}

/** Several `ip` commands in one process: making twelve pods one command at a time would take seconds. */
export async function ipBatch(commands: readonly string[], netns?: string): Promise<void> {
  await run(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-batch', '-'], { stdin: `${commands.join('\n')}\n` })
}
