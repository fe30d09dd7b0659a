import { InputError } from '../errors.ts'

const harmless = /^[A-Za-z0-9_@%+:,./-]+$/

/**
 * One word for a POSIX shell. Single quotes only: `$'...'`, which other tools produce, means nothing to dash.
 * @throws InputError for a NUL, which no argument can hold, and for bytes that are not UTF-8 (text.ts), which ssh cannot send
 */
export function quote(word: string): string {
  if (!word.isWellFormed())
    throw new InputError(`an argument holds bytes that are not UTF-8: ${JSON.stringify(word.slice(0, 80))}`)
  if (word.includes('\0')) throw new InputError(`an argument holds a NUL byte: ${JSON.stringify(word.slice(0, 80))}`)
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** A whole command line. The only place where arguments become a string. */
export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(' ')
}

/** For people to read: words that need no quotes get none. Never to be run. */
export function displayWords(words: readonly string[]): string {
  return words.map((word) => (harmless.test(word) ? word : quote(word.replaceAll('\0', '\\0')))).join(' ')
}
