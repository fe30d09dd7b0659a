import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes, MigrateError } from '../errors.ts'
import { maskKnownPatterns } from '../nodes/redactor.ts'
import { printedJson, visible, visibleLines } from '../visible.ts'

/** What is told of an error, and the code to exit with. */
export interface Failure {
  exitCode: number
  message: string
  host?: string
  step?: string
  command?: string
  next?: string
}

/** Any error as an operator may see it. One nobody foresaw is a bug: its stack is written to a file, never to the screen. */
export function failureOf(error: unknown): Failure {
  if (error instanceof MigrateError) {
    return { exitCode: error.exitCode, message: bounded(maskKnownPatterns(error.message)), ...error.context }
  }
  const message = error instanceof Error ? error.message : String(error)
  return {
    exitCode: exitCodes.failed,
    message: `${bounded(maskKnownPatterns(message))} (this is a bug in migrate, not in your cluster)`,
    next: `Please report it with ${writeStack(error)}. A run that was under way can be resumed: migrate status`,
  }
}

/** A screen or two: a key of an input may be as long as the input. */
const maxChars = 8_000

function bounded(text: string): string {
  return text.length > maxChars ? `${text.slice(0, maxChars)}... (${text.length} characters in all)` : text
}

function writeStack(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  try {
    const file = join(mkdtempSync(join(tmpdir(), 'migrate-bug-')), 'stack.txt')
    writeFileSync(file, `${maskKnownPatterns(text)}\n`, { mode: 0o600 })
    return `the file ${file}`
  } catch (cause) {
    return `what you did (the stack could not be written: ${cause instanceof Error ? cause.message : String(cause)})`
  }
}

/** For a person, on stderr: what went wrong, where, and what to do next. */
export function failureText(failure: Failure): string {
  // To have stopped where it was asked to is no error.
  const lines = [`${failure.exitCode === exitCodes.stopped ? '' : 'error: '}${visibleLines(failure.message)}`]
  for (const [name, text] of [
    ['node', failure.host],
    ['step', failure.step],
    ['command', failure.command],
    ['next', failure.next],
  ] as const) {
    if (text !== undefined && text !== '') lines.push(`  ${name}: ${visible(text)}`)
  }
  return `${lines.join('\n')}\n`
}

/** For a program, as the last line of `--json`. */
export function failureJson(failure: Failure): string {
  return printedJson({ kind: 'error', ...failure })
}
