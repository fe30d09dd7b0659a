import { type Document, isCollection, isMap, isScalar, type LineCounter } from 'yaml'
import type { z } from 'zod'
import { suggest } from './suggest.ts'

export type Path = readonly (string | number)[]

/** Something wrong at a place in the file. `key: true` points at the key itself rather than at its value. */
export interface Problem {
  path: Path
  text: string
  key?: boolean
}

/** So much of a text of the file that a line about it can still be read. */
export const shorten = (text: string, chars = 80): string => (text.length > chars ? `${text.slice(0, chars)}...` : text)

/** `nodes[1].ssh.port`; keys that are not plain words are quoted. */
export function pathName(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`
      return `${index === 0 ? '' : '.'}${shorten(/^[\w-]+$/.test(part) ? part : JSON.stringify(part))}`
    })
    .join('')
}

/** Offset in the text where a path's key or value stands; the nearest enclosing thing's when it does not stand there. */
function offsetOf(document: Document, path: Path, wantKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const part = path[length - 1]
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      if (isScalar(pair?.key) && (wantKey || length < path.length || !hasPlace(pair.value)))
        return pair.key.range?.[0] ?? 0
      if (hasPlace(pair?.value)) return pair.value.range[0]
    } else if (isCollection(parent)) {
      const item: unknown = parent.get(part, true)
      if (hasPlace(item)) return item.range[0]
    }
  }
  return 0
}

function hasPlace(value: unknown): value is { range: [number, number, number] } {
  return typeof value === 'object' && value !== null && 'range' in value && Array.isArray(value.range)
}

/** `file:line:column key: text`, in the order of the file. */
export function describe(file: string, lines: LineCounter, document: Document, problems: readonly Problem[]): string[] {
  return problems
    .map((problem) => ({ problem, offset: offsetOf(document, problem.path, problem.key === true) }))
    .sort((a, b) => a.offset - b.offset)
    .map(({ problem, offset }) => {
      const { line, col } = lines.linePos(offset)
      const name = pathName(problem.path)
      return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)} ${name === '' ? '' : `${name}: `}${problem.text}`
    })
}

/** The value that stands at a path, or undefined. */
function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (current, part) => (typeof current === 'object' && current !== null ? Reflect.get(current, part) : undefined),
    value,
  )
}

/** What was found, in words that fit into a line. */
function found(value: unknown): string {
  if (value === undefined) return 'is missing'
  if (value === null) return 'found nothing'
  if (Array.isArray(value)) return `found a list of ${value.length}`
  if (typeof value === 'object') return 'found a map'
  const shown = JSON.stringify(value)
  return `found ${typeof value === 'string' ? '' : `the ${typeof value} `}${shorten(shown)}`
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
}

function expected(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type': {
      const quote = issue.expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')
      return `${typeNames[issue.expected] ?? issue.expected}${quote ? ' (put it in quotes)' : ''}`
    }
    case 'invalid_value':
      return issue.values.map((allowed) => JSON.stringify(allowed)).join(' or ')
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') {
        return issue.minimum === 1n || issue.minimum === 1 ? 'something in it' : `at least ${issue.minimum} in it`
      }
      return `at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'string' ? `at most ${issue.maximum} characters` : `at most ${issue.maximum}`
    case 'invalid_format':
      return issue.format === 'url' ? 'a URL, https://...' : issue.message
    default:
      return issue.message
  }
}

/** A JSON Schema as far as it is walked here. */
interface KeySchema {
  properties?: Record<string, KeySchema>
  items?: KeySchema
}

function keysAt(schema: KeySchema | undefined, path: Path): string[] {
  let current = schema
  for (const part of path) current = typeof part === 'number' ? current?.items : current?.properties?.[part]
  return Object.keys(current?.properties ?? {})
}

/** Zod's issues as problems; `schema` (the JSON Schema) tells which keys could have been meant. */
export function fromIssues(issues: readonly z.core.$ZodIssue[], value: unknown, schema: KeySchema): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, path)
      return issue.keys.map((key) => {
        const meant = suggest(key, known)
        const rest = meant === null ? `Known here: ${known.join(', ')}` : `Did you mean "${meant}"?`
        return { path: [...path, key], key: true, text: `there is no such key. ${rest}` }
      })
    }
    const at = valueAt(value, path)
    return [{ path, text: `${found(at)}; expected ${expected(issue, at)}` }]
  })
}
