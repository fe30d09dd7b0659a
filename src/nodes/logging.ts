import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FailedError } from '../errors.ts'
import { visibleLines } from '../visible.ts'
import { describeCommand } from './describe.ts'
import type { Node, Outcome } from './node.ts'
import type { Redactor } from './redactor.ts'

const headLines = 40
const headChars = 4_000

/** `runs/<id>/log/<node>.log`: every command, how it ended and the beginning of what it said, secrets masked. */
export class CommandLog {
  private readonly folder: string
  private readonly redactor: Redactor
  private readonly files = new Map<string, number>()

  /** Creates the folder, 0700. Files are 0600 and appended to. */
  constructor(folder: string, redactor: Redactor) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.folder = folder
    this.redactor = redactor
  }

  /** @throws FailedError when it cannot be written, so that nothing is done of which there is no record */
  write(node: string, text: string): void {
    try {
      const file = this.files.get(node) ?? openSync(join(this.folder, `${node}.log`), 'a', 0o600)
      this.files.set(node, file)
      // Masked first: a secret that is spelt out is not recognised. Only a record begins at the edge.
      const shown = visibleLines(this.redactor.mask(text)).replaceAll('\n', '\n  ')
      writeSync(file, `${new Date().toISOString()} ${shown}\n`)
    } catch (error) {
      throw new FailedError(`cannot write the log in ${this.folder}: ${String(error)}`, {
        host: node,
        next: 'make room on this disk',
      })
    }
  }

  /** The beginning of an output, masked before it is cut: a cut through a secret would leave half of it. */
  head(text: string): string {
    const masked = this.redactor.mask(text).trimEnd()
    const lines = masked.slice(0, headChars).split('\n')
    const shown = lines.slice(0, headLines)
    const cut = shown.length < lines.length || masked.length > headChars ? [`[${text.length} characters in all]`] : []
    return [...shown, ...cut].map((line) => `  ${line}`).join('\n')
  }

  close(): void {
    for (const file of this.files.values()) closeSync(file)
    this.files.clear()
  }
}

/** The same node, every command of it logged: once before it is sent, once when it ended. */
export function logged(node: Node, log: CommandLog): Node {
  let number = 0
  return {
    name: node.name,
    async run(command) {
      const id = ++number
      log.write(node.name, `#${id} ${command.mode} ${describeCommand(command)}`)
      try {
        const outcome = await node.run(command)
        logOutcome(node.name, log, id, outcome)
        return outcome
      } catch (error) {
        log.write(node.name, `#${id} error: ${error instanceof Error ? error.message : String(error)}`)
        throw error
      }
    },
    async connect(host, port) {
      log.write(node.name, `connect to ${host}:${port}`)
      return node.connect(host, port)
    },
    async reconnect() {
      log.write(node.name, 'reconnect')
      await node.reconnect()
    },
  }
}

/** What a write did must reach the caller even when the disk is full by now: the next command is then refused instead. */
function logOutcome(name: string, log: CommandLog, id: number, outcome: Outcome): void {
  const how =
    outcome.kind === 'exited'
      ? `exit ${outcome.code}`
      : outcome.kind === 'signalled'
        ? `ended by ${outcome.signal}`
        : `unknown: ${outcome.reason}`
  const parts = [`#${id} ${how} after ${outcome.durationMs} ms`]
  for (const stream of ['stdout', 'stderr'] as const) {
    const text = outcome[stream]
    if (text === '') continue
    parts.push(`${stream}${!text.isWellFormed() ? ' (with bytes that are not UTF-8)' : ''}:`, log.head(text))
  }
  try {
    log.write(name, parts.join('\n'))
  } catch {
    // Said by the next write.
  }
}
