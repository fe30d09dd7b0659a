import type { Command } from './node.ts'
import { displayWords } from './quote.ts'
import { maskKnownPatterns } from './redactor.ts'

/** A command as an operator reads it: quoted where needed, secrets masked, scripts by their name. Never to be run. */
export function describeCommand(command: Pick<Command, 'argv' | 'stdin'>): string {
  const [shell, option, text, ...rest] = command.argv
  if ((shell === 'sh' || shell === 'bash') && option === '-s') {
    const name = /^# (.+)\n/.exec(String(command.stdin).slice(0, 100))?.[1] ?? 'script'
    return maskKnownPatterns(`[${name}] ${displayWords(rest)}`.trimEnd())
  }
  if (shell === 'sh' && option === '-c' && text?.includes('\n'))
    return maskKnownPatterns(`[${rest[0] ?? 'script'}] ${displayWords(rest.slice(1))}`.trimEnd())
  return maskKnownPatterns(displayWords(command.argv))
}
