import type { SentCommand } from '../cluster/state.ts'

/** A command as the simulated node knows it: a program with arguments, or one of our scripts by its name. */
export type Recognised =
  | { kind: 'program'; argv: readonly string[]; input: string }
  | { kind: 'script'; name: string; text: string; args: readonly string[]; input: string }
  /** Its text did not arrive whole: the shell reads all of it before it runs any of it (nodes/run.ts). */
  | { kind: 'torn' }

/** Tells a command by how nodes/run.ts makes it. */
export function recognise({ argv, stdin }: SentCommand): Recognised {
  const [shell = '', option, text = '', name = '', ...rest] = argv
  if (shell === 'sh' || shell === 'bash') {
    if (option === '-c') return { kind: 'script', name, text, args: rest, input: stdin }
    const [, script] = /^# (\S+)\n\{\n[\s\S]*\nexit\n\} <\/dev\/null\n$/.exec(stdin) ?? []
    return script === undefined
      ? { kind: 'torn' }
      : { kind: 'script', name: script, text: stdin, args: argv.slice(3), input: '' }
  }
  return { kind: 'program', argv, input: stdin }
}
