import { isDeepStrictEqual } from 'node:util'
import type { Json } from './model.ts'
import type { Moved } from './operator.ts'

/** The JSON paths at which two values differ, deepest first reached: `$.rules[2].target`. Empty when they are equal. */
export function movedPaths(before: Json | undefined, now: Json | undefined, path = '$'): Moved[] {
  if (isDeepStrictEqual(before, now)) return []
  if (isArray(before) && isArray(now)) {
    const length = Math.max(before.length, now.length)
    return Array.from({ length }, (_, index) => movedPaths(before[index], now[index], `${path}[${index}]`)).flat()
  }
  if (isObject(before) && isObject(now)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(now)])
    return [...keys].flatMap((key) => movedPaths(before[key], now[key], `${path}${member(key)}`))
  }
  return [{ path, before, now }]
}

function member(key: string): string {
  return /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
