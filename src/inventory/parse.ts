import { LineCounter, parseDocument, type YAMLParseError } from 'yaml'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { isNestedDeeper, maxLevels } from '../nesting.ts'
import { describe, fromIssues, type Problem, shorten } from './problems.ts'
import { contradictions } from './rules.ts'
import { type InventoryFile, inventorySchema } from './schema.ts'

/** Some 500 nodes. What is bigger is the wrong file, and the parser's time grows with the square of it. */
export const maxBytes = 64 * 1024
/** Aliases are few in an honest file; a "billion laughs" file needs thousands. */
const maxAliasCount = 100

const jsonSchema = z.toJSONSchema(inventorySchema, { io: 'input' })

/** Extra problems that only the caller can see (files that are not there). */
export type ExtraRule = (inventory: InventoryFile) => Problem[]

/**
 * An inventory's text, checked. `file` is only what errors call it.
 * @throws InputError with every problem found, one a line: `file:line:column key: found; expected`.
 */
export function parseInventory(bytes: Uint8Array, file: string, extra: ExtraRule = () => []): InventoryFile {
  const fail = (lines: readonly string[]): never => {
    const shown = lines.slice(0, 30).map((line) => shorten(line, 500))
    if (lines.length > shown.length) shown.push(`... and ${lines.length - shown.length} more`)
    throw new InputError(shown.join('\n'), { next: `Mend ${file}; every key is explained in inventory/example.yaml.` })
  }
  const text = decode(bytes, file, fail)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, stringKeys: true })
  if (document.errors.length > 0) {
    fail(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0])
        return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)} ${yamlAdvice(error, text)}`
      }),
    )
  }
  if (document.contents === null) fail([`${file}:1:1 the file is empty; expected an inventory`])

  let value: unknown
  try {
    value = document.toJS({ maxAliasCount })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    fail([
      error instanceof ReferenceError
        ? `${file}:1:1 ${why}; expected at most ${maxAliasCount} uses of YAML aliases (*name)`
        : `${file}:1:1 not valid YAML: ${why}`,
    ])
  }
  if (isNestedDeeper(value)) fail([`${file}:1:1 lists and maps are nested more than ${maxLevels} levels deep`])

  const parsed = inventorySchema.safeParse(value)
  if (!parsed.success) {
    return fail(describe(file, lines, document, fromIssues(parsed.error.issues, value, jsonSchema as object)))
  }
  const problems = [...contradictions(parsed.data), ...extra(parsed.data)]
  if (problems.length > 0) fail(describe(file, lines, document, problems))
  return parsed.data
}

function decode(bytes: Uint8Array, file: string, fail: (lines: string[]) => never): string {
  if (bytes.length > maxBytes) fail([`${file}: the file has ${bytes.length} bytes; expected at most ${maxBytes}`])
  try {
    // The decoder drops a byte order mark, which Windows editors leave.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail([`${file}: the file is not UTF-8 text; expected YAML`])
  }
}

/** The parser's message, with what to do about the mistakes that people make most. */
function yamlAdvice(error: YAMLParseError, text: string): string {
  switch (error.code) {
    case 'DUPLICATE_KEY': {
      const key = /^[^\s:]+/.exec(text.slice(error.pos[0]))?.[0] ?? 'this key'
      return `${shorten(key)}: stands here a second time; expected each key once`
    }
    case 'TAB_AS_INDENT':
      return 'a tab is used to indent; expected spaces'
    case 'MULTIPLE_DOCS':
      return 'a second YAML document begins here; expected one inventory a file'
    default:
      return `not valid YAML: ${error.message}`
  }
}
