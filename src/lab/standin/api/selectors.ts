import { ApiError, type ApiObject } from '../context.ts'

/** Whether an object is meant by a query's labelSelector and fieldSelector. */
export type Selector = (object: ApiObject) => boolean

/** @throws {ApiError} 400 on a selector or a field that is not known. */
export function parseSelectors(labels: string | null, fields: string | null): Selector {
  const tests = [...splitTerms(labels ?? '').map(labelTest), ...splitTerms(fields ?? '').map(fieldTest)]
  return (object) => tests.every((test) => test(object))
}

/** Terms stand between commas, but not those inside `in (a,b)`. */
function splitTerms(text: string): string[] {
  return (text.match(/(?:[^,(]|\([^)]*\))+/g) ?? []).map((term) => term.trim()).filter((term) => term !== '')
}

function labelTest(term: string): Selector {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term)
  if (set) {
    const [, key = '', verb, list = ''] = set
    const values = list.split(',').map((value) => value.trim())
    return (object) => values.includes(object.metadata.labels?.[key] ?? '\0') === (verb === 'in')
  }
  const equal = /^([^=!]+?)\s*(==|=|!=)\s*(\S*)$/.exec(term)
  if (equal) {
    const [, key = '', operator, value] = equal
    return (object) => (object.metadata.labels?.[key] === value) === (operator !== '!=')
  }
  const exists = /^(!?)\s*([\w./-]+)$/.exec(term)
  if (!exists) throw new ApiError(400, `unable to parse requirement: ${term}`)
  return (object) => (object.metadata.labels?.[exists[2] ?? ''] === undefined) === (exists[1] === '!')
}

const fieldRoots = new Set(['metadata.name', 'metadata.namespace', 'spec.nodeName', 'status.phase', 'type', 'reason'])

function fieldTest(term: string): Selector {
  const match = /^([\w.]+?)(==|=|!=)(.*)$/.exec(term)
  const path = match?.[1] ?? ''
  if (!match || !(fieldRoots.has(path) || path.startsWith('involvedObject.') || path.startsWith('spec.')))
    throw new ApiError(400, `field label not supported: ${path === '' ? term : path}`)
  return (object) => (readField(object, path) === match[3]) === (match[2] !== '!=')
}

function readField(object: ApiObject, path: string): string {
  let value: unknown = object
  for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part]
  return value === undefined || value === null ? '' : String(value)
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

/** A LabelSelector as it stands in objects; undefined matches nothing, an empty one everything. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Record<string, string> = {}): boolean {
  if (!selector) return false
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value)
  return equal && (selector.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels))
}

export function matchesExpression(
  expression: { key: string; operator: string; values?: string[] },
  labels: Record<string, string>,
): boolean {
  const value = labels[expression.key]
  const listed = value !== undefined && (expression.values ?? []).includes(value)
  if (expression.operator === 'In') return listed
  if (expression.operator === 'NotIn') return !listed
  if (expression.operator === 'Exists') return value !== undefined
  return expression.operator === 'DoesNotExist' && value === undefined
}
