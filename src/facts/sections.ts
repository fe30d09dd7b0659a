import { FailedError } from '../errors.ts'
import { textOf } from '../nodes/text.ts'

/** What one command of a fact script said. */
export interface Section {
  readonly code: number
  /** Bytes, because file names may be anything. */
  readonly stdout: Buffer
  /** Its beginning. */
  readonly stderr: string
}

/** The answer of one node, by the names that its commands were given. */
export class Sections {
  private readonly byName: ReadonlyMap<string, Section>
  constructor(byName: ReadonlyMap<string, Section>) {
    this.byName = byName
  }

  /** However it ended; null when it was not run, because its program is not there or it does not apply. */
  get(name: string): Section | null {
    return this.byName.get(name) ?? null
  }

  /** What a command said that has to end with 0. @throws FailedError */
  text(name: string): string {
    const section = this.byName.get(name)
    if (!section) throw new FailedError(`${name}: it was not run`)
    if (section.code !== 0)
      throw new FailedError(`${name}: exit code ${section.code}${section.stderr === '' ? '' : `: ${section.stderr}`}`)
    return textOf(section.stdout)
  }

  /** The same, null where it was not run or did not end with 0: for programs that may be absent or not answer. */
  optional(name: string): string | null {
    const section = this.byName.get(name)
    return section?.code === 0 ? textOf(section.stdout) : null
  }

  /** Fields that the command ended with a zero byte each. @throws FailedError when the last is cut off */
  fields(name: string): string[] {
    const fields = this.text(name).split('\0')
    if (fields.pop() !== '') throw new FailedError(`${name}: its output is cut off`)
    return fields
  }
}

const decode = (lines: readonly string[]) => Buffer.from(lines.join(''), 'base64')
const base64Line = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * Takes apart what `emit` of the prelude framed. Outputs are base64, so nothing that a command says can look like a frame;
 * a missing end, whatever cut it off, is an error.
 */
export function parseSections(stdout: string): Sections {
  const byName = new Map<string, Section>()
  let name: string | null = null
  let code: number | null = null
  let out: string[] = []
  let err: string[] = []
  const wrong = (line: string, expected: string): never => {
    throw new FailedError(`expected ${expected}, got ${JSON.stringify(line.slice(0, 80))}`)
  }
  const lines = stdout.split('\n')
  const end = lines.indexOf('@end')
  if (end < 0) throw new FailedError('the answer is cut off: its last line is missing')
  for (const line of lines.slice(0, end)) {
    const [mark, rest] = [line.slice(0, 2), line.slice(3)]
    if (mark === '@@' && name === null) {
      if (byName.has(rest)) wrong(line, 'each section once')
      ;[name, code, out, err] = [rest, null, [], []]
    } else if (mark === '@=' && name !== null && code === null && /^\d+$/.test(rest)) code = Number(rest)
    else if (line === '@.' && name !== null && code !== null) {
      byName.set(name, { code, stdout: decode(out), stderr: decode(err).toString('utf8').trim() })
      name = null
    } else if (name !== null && base64Line.test(line)) (code === null ? out : err).push(line)
    else wrong(line, 'a section of the facts')
  }
  if (name !== null) throw new FailedError(`${name}: its end is missing`)
  return new Sections(byName)
}
