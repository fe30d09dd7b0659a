import fc from 'fast-check'
import type { Json } from '../../../src/engine/model.ts'
import { hostileText } from './hostile-text.ts'

type Path = readonly (string | number)[]

function pathsOf(value: Json, path: Path = []): Path[] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const key = (name: string) => (Array.isArray(value) ? Number(name) : name)
  return [path, ...inner.flatMap(([name, one]) => pathsOf(one as Json, [...path, key(name)]))]
}

const absent = Symbol('absent')
type Change = (old: Json) => Json | typeof absent

const nestedMark = '(nested)'

/** Lists in lists, 5,000 deep, where a mutation says so: put into the text, because no value can be handled that holds them. */
export const withNesting = (text: string): string =>
  text.replaceAll(/"?\(nested\)"?/g, '['.repeat(5_000) + ']'.repeat(5_000))

/** A text stays a text, or becomes something that is none; all the rest becomes what it is not. */
const change: fc.Arbitrary<Change> = fc.oneof(
  hostileText.map((text) => () => text),
  hostileText.map((text) => (old: Json) => (typeof old === 'string' ? `${old}${text}` : text)),
  hostileText.map(
    (text) => (old: Json) => (isMap(old) ? Object.fromEntries([...Object.entries(old), [text, text]]) : [text]),
  ),
  fc
    .constantFrom<Json>(null, true, 0, -1, 1e308, 0.5, [], {}, [[]], [null], { '': null }, nestedMark)
    .map((value) => () => value),
  fc.constant(() => absent),
  fc.constant((old: Json) => (Array.isArray(old) ? [...old, ...old] : [old, old])),
)

const isMap = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function changed(value: Json, path: Path, how: Change): Json | typeof absent {
  const [part, ...rest] = path
  if (part === undefined) return how(value)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).flatMap(([name, one]): [string, Json][] => {
    if (name !== String(part)) return [[name, one as Json]]
    const now = changed(one as Json, rest, how)
    return now === absent ? [] : [[name, now]]
  })
  return Array.isArray(value) ? entries.map(([, one]) => one) : Object.fromEntries(entries)
}

/** The value with up to three of its parts gone, doubled, of another type, or hostile. */
export function mutated(value: Json): fc.Arbitrary<Json> {
  const paths = pathsOf(value)
  const one = fc.tuple(fc.constantFrom(...paths), change)
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((list) =>
    list.reduce<Json>((now, [path, how]) => {
      const next = changed(now, path, how)
      return next === absent ? null : next
    }, value),
  )
}

/** What a schema has a list of, or the form. */
const checked = ['kind', 'level', 'order', 'outcome', 'sort', 'createdAt']

/** The same value with hostile text in some, or all, of the places where it has a text that may be anybody's. */
export function poisoned<T>(value: T): fc.Arbitrary<T> {
  const isText = (path: Path) =>
    typeof path.reduce<unknown>((inner, part) => Reflect.get(Object(inner), part), value) === 'string'
  const paths = pathsOf(value as Json).filter((path) => isText(path) && !checked.includes(String(path.at(-1))))
  return fc
    .tuple(fc.subarray(paths, { minLength: 1, maxLength: Math.min(40, paths.length) }), hostileText)
    .map(
      ([chosen, text]) =>
        chosen.reduce<Json | typeof absent>(
          (now, path) => (now === absent ? now : changed(now, path, (old) => `${old}${text}`)),
          value as Json,
        ) as T,
    )
}
