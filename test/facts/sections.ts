import { type Section, Sections } from '../../src/facts/sections.ts'

/** The answer of a node whose commands said this: a text, or a text with an exit code. */
export const answered = (texts: Readonly<Record<string, string | { code: number; text?: string }>>): Sections =>
  new Sections(
    new Map(
      Object.entries(texts).map(([name, value]): [string, Section] => [
        name,
        typeof value === 'string'
          ? { code: 0, stdout: Buffer.from(value), stderr: '' }
          : { code: value.code, stdout: Buffer.from(value.text ?? ''), stderr: '' },
      ]),
    ),
  )

export const about = { node: 'n1', address: '10.99.0.11', sentMs: 1_000_000, answeredMs: 1_000_200 }
