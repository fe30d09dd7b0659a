import { closeSync, constants, openSync, readSync } from 'node:fs'
import { password, select } from '@inquirer/prompts'
import { InputError } from '../errors.ts'
import type { Secrets } from '../nodes/secrets.ts'
import type { Ask } from '../report/prompts.ts'
import { visible } from '../visible.ts'

/** What can be done with the terminal this was started from. */
export interface Terminal {
  /** Somebody is there to answer. */
  interactive: boolean
  /** Redrawing is wanted: a terminal, no CI, no NO_COLOR. */
  live: boolean
  colour: boolean
  /** Characters in a line; 120 where there is no terminal. */
  width: number
}

interface Streams {
  stdin: { isTTY?: boolean }
  stdout: { isTTY?: boolean; columns?: number }
}

/** @param wantsColour false for `--no-color` */
export function terminalOf(streams: Streams, env: NodeJS.ProcessEnv, wantsColour: boolean): Terminal {
  const isTty = streams.stdout.isTTY === true
  const set = (name: string) => env[name] !== undefined && env[name] !== ''
  const plain = !wantsColour || set('NO_COLOR') || env.TERM === 'dumb'
  return {
    interactive: isTty && streams.stdin.isTTY === true,
    live: isTty && !plain && !set('CI'),
    colour: isTty && !plain,
    width: isTty ? Math.max(60, streams.stdout.columns ?? 120) : 120,
  }
}

/** Leaving a prompt by Ctrl-C, or its being ended by a signal, is an answer too. */
function isLeft(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')
}

/** An Enter pressed while the last step ran must not answer the question about the next one. */
function discardTypedAhead(): void {
  if (!process.stdin.isTTY) return
  process.stdin.setRawMode(true)
  const tty = openSync('/dev/tty', constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    while (readSync(tty, Buffer.alloc(4096)) > 0);
  } catch (error) {
    // Nothing more is there.
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
  } finally {
    closeSync(tty)
    process.stdin.setRawMode(false)
  }
}

/** @param signal ends an open question, as Ctrl-C does */
export function promptAsk(signal: AbortSignal): Ask {
  return {
    async select(message, choices) {
      discardTypedAhead()
      try {
        return await select({ message, choices }, { signal })
      } catch (error) {
        if (isLeft(error)) return null
        throw error
      }
    },
  }
}

/** Passwords and passphrases from the person at the terminal; never from an argument or a variable. */
export function promptSecrets(terminal: Terminal): Secrets {
  return {
    async ask(prompt) {
      if (!terminal.interactive) {
        throw new InputError(`${visible(prompt)} is needed, and there is no terminal to ask for it at`, {
          next: 'Use an ssh agent for keys with a passphrase, and sudo without a password (NOPASSWD) for unattended runs.',
        })
      }
      try {
        return await password({ message: visible(prompt), mask: false })
      } catch (error) {
        if (isLeft(error)) throw new InputError(`${visible(prompt)} was not given`)
        throw error
      }
    },
  }
}
